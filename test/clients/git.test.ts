import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { temporaryFolder } from './support/files.ts'
import { startGateway } from './support/gateway-process.ts'
import { startGitServer } from './support/git-server.ts'
import { succeed } from './support/program.ts'

/** More than git's http.postBuffer, so that a push is chunked. */
const BIG = 3 * 1024 * 1024

it.each(['http', 'socks5h'])('git clones, pulls and pushes over %s', async (scheme) => {
  const login = { username: 'crawler', password: 'git-password' }
  const users = [{ name: login.username, password: login.password }]
  const { url, world } = await startGateway({ listen: { users }, secrets: [login] })
  const folder = temporaryFolder()
  world.names['git.test'] = await startGitServer(folder)
  const proxy = url(scheme, { ...login, username: 'crawler-session-git' })
  const git = (cwd: string, ...args: string[]) =>
    succeed('git', ['-c', `http.proxy=${proxy}`, '-c', 'user.name=a', '-c', 'user.email=a@b.test', ...args], {
      cwd,
      env: { GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', GIT_TERMINAL_PROMPT: '0' },
    })
  await git(folder, 'init', '--quiet', '--bare', '--initial-branch=main', 'project.git')
  const content = randomBytes(BIG)
  await git(folder, 'clone', '--quiet', 'http://git.test/project.git', 'mine')
  writeFileSync(join(folder, 'mine', 'file'), content)
  await git(join(folder, 'mine'), 'add', 'file')
  await git(join(folder, 'mine'), 'commit', '--quiet', '-m', 'a big file')
  await git(join(folder, 'mine'), 'push', '--quiet', 'origin', 'HEAD:main')
  await git(folder, 'clone', '--quiet', 'http://git.test/project.git', 'yours')
  expect(readFileSync(join(folder, 'yours', 'file')).equals(content)).toBe(true)
  await git(join(folder, 'mine'), 'commit', '--quiet', '--allow-empty', '-m', 'another')
  await git(join(folder, 'mine'), 'push', '--quiet', 'origin', 'HEAD:main')
  await git(join(folder, 'yours'), 'pull', '--quiet')
  const { out } = await git(join(folder, 'yours'), 'log', '--format=%s')
  expect(out).toBe('another\na big file\n')
  expect(world.upstreams.filter(({ requests }) => requests.length > 0).length).toBe(1) // the session's
})
