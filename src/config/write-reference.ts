/**
 * Writes docs/configuration.md and its Chinese edition from the schema of the configuration.
 * With `--check` it writes nothing and exits 1 when a page is not up to date.
 */
import { configGroups } from '../messages/config-groups.ts'
import { chineseKeys } from '../messages/config-keys.ts'
import type { Language, Text } from '../messages/text.ts'
import { writeGenerated } from './generated-file.ts'
import { type KeyRow, keyRows } from './reference.ts'

const pages = { en: 'docs/configuration.md', zh: 'docs/configuration.zh-CN.md' } as const

const head: Text = {
  en: `# Configuration

[中文](configuration.zh-CN.md)

One file, \`gateway.yaml\`. \`turnpike check\` reads it, lists every mistake with its line and column, and calls no vendor. Editors
complete it through [gateway.schema.json](../config/gateway.schema.json); worked examples are in [config/examples/](../config/examples/).

- \`\${NAME}\` inside a value is filled from the environment, \`$\${\` is a literal \`\${\`; a missing variable is an error.
- Durations have a unit (\`500ms\`, \`30s\`, \`10m\`, \`2h\`, \`1d\`), sizes may have one (\`16KiB\`). Unknown keys are refused.
- \`auto\` follows what the gateway measures.

This page is generated from the schema: \`npm run schema\`.
`,
  zh: `# 配置

[English](configuration.md)

只有一个文件 \`gateway.yaml\`。\`turnpike check\` 读取它，列出全部错误及其行号和列号，不调用任何供应商。编辑器通过
[gateway.schema.json](../config/gateway.schema.json) 补全；完整示例见 [config/examples/](../config/examples/)。

- 值里的 \`\${NAME}\` 由环境变量填入，\`$\${\` 表示字面的 \`\${\`；缺少变量即报错。
- 时长必须带单位（\`500ms\`、\`30s\`、\`10m\`、\`2h\`、\`1d\`），大小可以带单位（\`16KiB\`）。不认识的键一律拒绝。
- \`auto\` 表示按网关的实测值自动调整。

本页由配置结构生成：\`npm run schema\`。
`,
}
const columns: Text = { en: '| Key | Default | Meaning |', zh: '| 键 | 默认值 | 含义 |' }
const kinds: Readonly<Record<string, Text>> = {
  static: { en: 'static: ', zh: 'static：' },
  demo: { en: 'demo: ', zh: 'demo：' },
  link: { en: 'Without vendor: ', zh: '不写 vendor：' },
}

/** @throws {Error} when a group or a key has no text */
function configurationPage(language: Language): string {
  const groups = Map.groupBy(keyRows(), ({ key }) => key.split(/[.[]/, 1)[0] ?? '')
  const unknown = [...groups.keys()].filter((name) => !Object.hasOwn(configGroups, name))
  if (unknown.length > 0) throw new Error(`src/messages/config-groups.ts has no text on ${unknown.join(', ')}`)
  const sections = Object.entries(configGroups).map(([name, { title, intro, example, comments = {} }]) => {
    const rows = (groups.get(name) ?? []).map((row) => rowText(row, language))
    const yaml = language === 'zh' ? translated(example, comments) : example
    const table = [columns[language], '|---|---|---|', ...rows].join('\n')
    return `\n## ${title[language]}\n\n${intro[language]}\n\n\`\`\`yaml\n${yaml}\`\`\`\n\n${table}\n`
  })
  return head[language] + sections.join('')
}

function rowText({ key, fallback, meaning, choices, kind }: KeyRow, language: Language): string {
  const words = language === 'en' ? meaning : chineseOf(kind === '' ? key : `${kind}: ${key}`)
  const listed = choices.map((choice) => `\`${choice}\``).join(language === 'en' ? ', ' : '、')
  const end = language === 'en' ? '.' : '。'
  const text = [`${kinds[kind]?.[language] ?? ''}${words}`, listed === '' ? '' : `${listed}${end}`].filter(Boolean)
  return `| \`${key}\` | ${fallback === '' ? '' : `\`${fallback}\``} | ${text.join(' ').replaceAll('|', '\\|')} |`
}

function chineseOf(key: string): string {
  const text = chineseKeys[key]
  if (text === undefined) throw new Error(`src/messages/config-keys.ts has no text on ${key}`)
  return text
}

function translated(example: string, comments: Readonly<Record<string, string>>): string {
  return example.replace(/(# )(.+)$/gm, (whole, mark: string, comment: string) =>
    comment in comments ? mark + comments[comment] : whole,
  )
}

if (import.meta.main)
  for (const [language, path] of Object.entries(pages))
    writeGenerated(path, configurationPage(language as Language), { folder: 'src/config', command: 'npm run schema' })
