/** What is pasted into a command line with more around it, or in the wrong place. */
import { expect, it } from 'vitest'
import { runCommand } from '../../support/command.ts'

const key = 'zzzzsecretzzzz'
const link = `https://dps.kdlapi.com/api/getdps/?secret_id=abc&signature=${key}&num=1`

it.each([`提取链接：${link}`, `API 链接: ${link}。`, `“${link}”`])('finds the link in %s', async (text) => {
  const { code, out } = await runCommand(['test-source', '--dry-run', text], { input: '', secrets: [key] })
  expect(code).toBe(0)
  expect(out).toContain('at dps.kdlapi.com')
  expect(out).toContain('config/examples/generic-kuaidaili.yaml')
})

it('does not repeat what is no name of a provider: it may be a key', async () => {
  const tested = await runCommand(['test-source', `${key}&x=1`], { input: '', secrets: [key] })
  expect([tested.code, tested.err]).toEqual([2, expect.stringContaining('this is neither a link')])
  const called = await runCommand(['call', `${key}&x=1`], { input: '', secrets: [key] })
  expect([called.code, called.err]).toEqual([2, expect.stringContaining('has no provider ***')])
})

it('lists operations without citing documents that no client has', async () => {
  const { out } = await runCommand(['call', 'demo'], { input: '', secrets: [] })
  expect(out).toContain('takes addresses\n')
  expect(out).not.toContain('src/')
})
