/** Mistakes of every kind in the configuration, as a user who reads Chinese sees them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { explainFailure } from '../../../src/cli/explain-failure.ts'
import { loadConfig, parseConfig } from '../../../src/config/load.ts'
import { warningsOf } from '../../../src/config/warnings.ts'
import { useLanguage } from '../../../src/messages/language.ts'
import { translateSentence } from '../../../src/messages/translate.ts'

const folder = mkdtempSync(join(tmpdir(), 'turnpike-mistakes-'))
beforeAll(() => useLanguage('zh'))
afterAll(() => {
  useLanguage('en')
  rmSync(folder, { recursive: true })
})

const demo = 'providers: [{ name: demo, vendor: demo }]\n'

/** What the terminal shows, without file, line and path. */
function mistakesOf(text: string): readonly string[] {
  try {
    parseConfig(text, 'gateway.yaml', { SET: 'value' })
  } catch (error) {
    const lines = explainFailure(error).text.trim().split('\n')
    expect(lines.pop()).toMatch(/^gateway\.yaml 有 \d+ 处错误$/)
    return lines.map((line) => line.replace(/^gateway\.yaml:\d+:\d+: (?:[\w.[\]"]+: )?/, ''))
  }
  return expect.fail('a mistake was expected')
}

/** English that stays: keys, values, names, forms to be written. */
const isChinese = (sentence: string) =>
  /\p{Script=Han}/u.test(sentence) && !/\b(?:must|write|is|are|the|has|needs)\b/.test(sentence)

describe('a mistake in the configuration is in Chinese', () => {
  it.each([
    ['', '文件是空的'],
    [`${demo}poool: {}\n`, '未知的键；您是指 pool 吗？'],
    [`${demo}pool: { abc: 1 }\n`, '未知的键；此处可用：'],
    [`${demo}pool: { floor: many }\n`, '必须是数字'],
    [`${demo}pool: { floor: "5" }\n`, '必须是数字，并在文件中不加引号'],
    [`${demo}pool: { floor: 90 }\n`, '大于 pool.ceiling（50）'],
    [`${demo}dial: { tries: 0 }\n`, '不能小于 1'],
    [`${demo}dial: { tries: 999999 }\n`, '不能大于'],
    [`${demo}dial: { timeout: 5 }\n`, '请写单位，例如 30s'],
    [`${demo}dial: { timeout: soon }\n`, '请写整数和单位'],
    [`${demo}dial: { hedgeAfter: soon }\n`, '请写整数和单位'],
    [`${demo}limits: { headerBytes: big }\n`, '请写大小'],
    [`${demo}pool:\n`, '是空的；请填写值或删除这个键'],
    [`${demo}log: { level: loud }\n`, '请写以下之一：'],
    [`${demo}log: { level: inf }\n`, '您是指 info 吗？否则请写以下之一：'],
    [`${demo}listen: []\n`, '是空列表；请添加一项或删除这个键'],
    [`${demo}listen: [7]\n`, '应包含键'],
    [`${demo}listen: [{ host: 1.2.3 }]\n`, '请写本机的地址'],
    [`${demo}listen: [{ host: 0.0.0.0 }]\n`, '其他机器可以访问此端口'],
    [`${demo}listen: [{ port: 8081 }]\n`, '已在监听此端口'],
    [`${demo}listen: [{ allow: [x] }]\n`, '请写地址或网段'],
    [`${demo}listen: [{ provider: dmeo }]\n`, '没有这个名称的供应商；您是指 demo 吗？'],
    [`${demo}listen: [{ users: [{ name: "a:b", password: c }] }]\n`, '用户名中不能有冒号'],
    [`${demo}listen: [{ users: [{ name: a, password: b }, { name: a, password: c }] }]\n`, '此端口已有同名用户'],
    [`${demo}listen: [{ tls: { cert: none.pem, key: none.key } }]\n`, '两个文件中缺少一个；路径相对于配置文件'],
    [`${demo}admin: { host: 0.0.0.0 }\n`, '其他机器可以访问管理端口'],
    [`${demo}routes: [{ host: a.example }]\n`, '缺少此项'],
    [`${demo}routes: ["DOMAIN,a.example"]\n`, '请写 DOMAIN,name,TARGET'],
    [`${demo}routes: ["DOMAIN,*.x,direct"]\n`, 'DOMAIN 后面是域名'],
    [`${demo}admin: 5\n`, '请写 off，或一组键'],
    [`${demo}routes: [7]\n`, '请写 文本，或一组键'],
    [`${demo}routes: [{ to: group g }]\n`, '没有这个名称的组；现有的组：无'],
    [`${demo}routes: [{ to: away }]\n`, '请写去向'],
    [`${demo}routes: [{ host: "a b", to: direct }]\n`, '请写主机'],
    [`${demo}routes: [{ listen: 9, to: direct }]\n`, '网关没有这个号码或名称的端口'],
    [`${demo}groups: [{ name: g, members: [{ group: g }] }]\n`, '组之间形成循环：g -> g；组最终必须通向供应商'],
    ['providers: [{ name: a, vendor: static }]\n', 'static 供应商只能使用 list、file、url 之一'],
    ['providers: [{ name: a, vendor: static, list: ["1.2.3.4"] }]\n', '不是地址；请写 ip:port'],
    ['providers: [{ name: a, vendor: static, list: ["host:99999"] }]\n', '不是地址；端口是 1 到 65535 的数字'],
    ['providers: [{ name: a, vendor: static, list: ["socks5://u:p/s@h:1080"] }]\n', '%2F'],
    ['providers: [{ name: a, vendor: static, file: none.txt }]\n', '文件不存在（路径相对于配置文件）'],
    ['providers: [{ name: a b, vendor: demo }]\n', '请用字母、数字、点、连字符和下划线'],
    ['providers: [{ name: a, vendor: demmo }]\n', '您是指 demo 吗？'],
    ['providers: [{ name: a }]\n', '缺少此项；请指明供应商'],
    ['providers: [{ name: a, vendor: demo }, { name: a, vendor: demo }]\n', '已有同名的供应商条目'],
    [
      'providers: [{ name: a, vendor: qg, product: share-pool, credentials: { key: "${UNSET}" } }]\n',
      '环境变量 UNSET 未设置',
    ],
    ['providers: [{ name: a, vendor: qg, product: share-pool }]\n', '缺少此项'],
    ['providers: [{ name: "${SET", vendor: demo }]\n', '后面应是变量名'],
    ['providers: [{ name: a, vendor: demo, upstream: { password: x } }]\n', '有密码时还需要 username'],
    ['providers：\n  - name: a\n', '全角冒号'],
    ['providers:\n  -name: a\n', '短横线后面缺少空格'],
    ['providers: [\n', '括号没有闭合'],
    ['providers:\n\t- name: a\n', '制表符'],
    ['a: "b\n', '引号没有闭合'],
    ['a: 1\na: 2\n', '键 a 重复'],
    ['a: ${X}\nb: [${X}]\n', '占位符需要引号'],
  ])('%j', (text, expected) => {
    const mistakes = mistakesOf(text)
    expect(mistakes.join('\n')).toContain(expected)
    expect(mistakes.filter((sentence) => !isChinese(sentence))).toEqual([])
  })
})

it('so is what concerns the file', () => {
  const sentenceOf = (file: string) => {
    try {
      loadConfig(file, {})
    } catch (error) {
      return explainFailure(error).text
    }
    return ''
  }
  writeFileSync(join(folder, 'latin.yaml'), Buffer.from([0xff, 0xfe, 0x00]))
  for (const name of ['none.yaml', 'latin.yaml', '.', 'latin.yaml/x'])
    expect(sentenceOf(join(folder, name))).toMatch(/\p{Script=Han}/u)
})

it('so is what is allowed and unwise', () => {
  const text = `${demo}listen: [{ host: 0.0.0.0, users: [{ name: a, password: short }] }]\nroutes: [{ host: a.example, to: direct }, { host: b.example, to: direct }]\n`
  const warnings = warningsOf(parseConfig(text, 'gateway.yaml', {})).map(({ message }) => translateSentence(message))
  expect(warnings).toEqual([
    '少于 12 个字符，而其他机器可以访问此端口',
    '此规则及另外 1 条规则的目标不经上游直接连接：它们会看到本机的地址',
  ])
})
