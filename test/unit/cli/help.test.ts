import { afterEach, describe, expect, it } from 'vitest'
import { useLanguage } from '../../../src/messages/language.ts'
import { runCommand } from '../../support/command.ts'

afterEach(() => useLanguage('en'))

const nothing = { input: '', secrets: [] }
const commands = [
  ['start'],
  ['check'],
  ['reload'],
  ['retry'],
  ['init'],
  ['add'],
  ['route'],
  ['status'],
  ['test-source'],
  ['try'],
  ['call'],
  ['vendor', 'new'],
]

describe.each([
  ['en', 'Usage:', 'Examples:'],
  ['zh', '用法：', '示例：'],
] as const)('help in %s', (language, usage, examples) => {
  it('names every command', async () => {
    useLanguage(language)
    const { code, out } = await runCommand(['--help'], nothing)
    expect(code).toBe(0)
    for (const [name = ''] of commands) expect(out).toMatch(new RegExp(`^ {2}${name}\\b`, 'm'))
    expect([out.includes(usage), out.includes(examples)]).toEqual([true, true])
  })

  it.each(commands)('%s has examples, and every word of it is of the language', async (...command) => {
    useLanguage(language)
    const { code, out } = await runCommand([...command, '--help'], nothing)
    expect([code, out.includes(usage), out.includes(examples)]).toEqual([0, true, true])
    const example = out
      .slice(out.indexOf(examples) + examples.length)
      .trim()
      .split('\n')
    for (const line of example) expect(line.trim()).toMatch(/turnpike /)
    // Rows of options, arguments and examples: a name, two spaces, words.
    const rows = out.split('\n').filter((line) => /^ {2}\S.*? {2,}\S/.test(line))
    const words = rows.map((row) => row.trim().replace(/^.*? {2,}/, ''))
    expect(words.length).toBeGreaterThan(1)
    expect(words.filter((text) => /\p{Script=Han}/u.test(text) !== (language === 'zh'))).toEqual([])
  })
})

it.each(['en', 'zh'] as const)('the help of vendor, which has commands of its own, is in %s', async (language) => {
  useLanguage(language)
  const { out } = await runCommand(['vendor', '--help'], nothing)
  expect(out).toContain(language === 'zh' ? '显示某个命令的帮助' : 'print the help of a command')
})

describe('a mistake on the command line', () => {
  it.each([
    [
      ['chek'],
      'there is no command chek. Did you mean check?',
      '没有命令 chek。您是指 check 吗？\n（turnpike --help 列出所有命令）',
    ],
    [['status', '--confg', 'x'], 'there is no option --confg. Did you mean --config?', '没有选项 --confg。'],
    [
      ['retry'],
      'the argument provider is missing.\n(turnpike retry --help shows how it is used)',
      '缺少参数 provider。\n（用法见 turnpike retry --help）',
    ],
    [['check', '--config'], 'the option -c, --config <file> needs a value.', '选项 -c, --config <file> 需要一个值。'],
    [['check', 'a', 'b'], 'too many arguments: 2 instead of 0.', '参数过多：给出 2 个，应为 0 个。'],
    [['start', '-p', '99999'], 'A port is a number from 0 to 65535.', '端口是 0 到 65535 的数字。'],
    [['status', '--json', '--watch'], 'exclude each other.', '不能同时使用。'],
    [['route', 'a.test', '-m', 'GET'], 'It is one of CONNECT, plain, socks.', '可选值：CONNECT, plain, socks。'],
  ])('%j', async (args, english, chinese) => {
    const said = await runCommand(args, nothing)
    expect([said.code, said.out]).toEqual([2, ''])
    expect(said.err).toContain(english)
    useLanguage('zh')
    expect((await runCommand(args, nothing)).err).toContain(chinese)
  })

  it('does not repeat what may be a link or a key', async () => {
    const secrets = ['hunter22']
    await runCommand(['https://vendor.example/get?key=hunter22'], { input: '', secrets })
    await runCommand(['start', '--port', 'hunter22'], { input: '', secrets })
  })
})

describe('turnpike help', () => {
  it.each([
    ['of everything', [], 'Usage: turnpike [options] [command]'],
    ['of a command', ['status'], 'Usage: turnpike status [options]'],
    ['of a command of a command', ['vendor', 'new'], 'Usage: turnpike vendor new [options] <name>'],
    ['of a command that is given with its arguments, without running it', ['route', 'a.test'], 'Usage: turnpike route'],
  ])('prints the help %s', async (_, names, first) => {
    const { code, out, err } = await runCommand(['help', ...names], nothing)
    expect([code, out.slice(0, first.length), err]).toEqual([0, first, ''])
  })

  it.each([
    ['nosuch', ['nosuch'], 'there is no command nosuch.'],
    ['chek', ['chek'], 'there is no command chek. Did you mean check?'],
    ['vendor nw', ['vendor', 'nw'], 'there is no command nw. Did you mean new?'],
  ])('says that there is no command %s', async (_, names, words) => {
    const { code, out, err } = await runCommand(['help', ...names], nothing)
    expect([code, out, err.split('\n')[0]]).toEqual([2, '', `turnpike: ${words}`])
  })
})
