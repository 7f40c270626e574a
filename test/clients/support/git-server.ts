/** A git server: `git http-backend` behind HTTP, as the git manual has it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import { onTestFinished } from 'vitest'

/** Serves the repositories below a folder; anybody may push. */
export async function startGitServer(folder: string): Promise<readonly [host: string, port: number]> {
  const server = createServer((request, response) => void answer(folder, request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.closeAllConnections()
    server.close()
  })
  return ['127.0.0.1', (server.address() as AddressInfo).port]
}

async function answer(folder: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const cgi = spawn('git', ['http-backend'], {
    env: cgiEnvironment(folder, request),
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  cgi.stdin.on('error', () => {}) // it need not read the whole request
  request.pipe(cgi.stdin)
  const { status, headers, rest } = await readCgiHead(cgi.stdout)
  response.writeHead(status, headers)
  response.write(rest)
  cgi.stdout.pipe(response)
}

/** RFC 3875 section 4.1, as much of it as `git help http-backend` asks for. */
function cgiEnvironment(folder: string, { url = '/', method = 'GET', headers }: IncomingMessage): NodeJS.ProcessEnv {
  const { pathname, search } = new URL(url, 'http://git.test')
  return {
    PATH: process.env['PATH'],
    GIT_PROJECT_ROOT: folder,
    GIT_HTTP_EXPORT_ALL: '1',
    REMOTE_USER: 'somebody', // a push needs a name
    REQUEST_METHOD: method,
    PATH_INFO: pathname,
    QUERY_STRING: search.slice(1),
    CONTENT_TYPE: headers['content-type'] ?? '',
    HTTP_CONTENT_ENCODING: headers['content-encoding'] ?? '',
    GIT_PROTOCOL: String(headers['git-protocol'] ?? ''),
    ...(headers['content-length'] === undefined ? {} : { CONTENT_LENGTH: headers['content-length'] }),
  }
}

interface CgiHead {
  readonly status: number
  readonly headers: Record<string, string>
  /** What came of the body together with the head. */
  readonly rest: Buffer
}

async function readCgiHead(out: Readable): Promise<CgiHead> {
  let got = Buffer.alloc(0)
  while (!got.includes('\r\n\r\n')) {
    await once(out, 'readable')
    got = Buffer.concat([got, (out.read() as Buffer | null) ?? Buffer.alloc(0)])
  }
  const end = got.indexOf('\r\n\r\n')
  const lines = got
    .subarray(0, end)
    .toString()
    .split('\r\n')
    .map((line) => line.split(/: (.*)/s) as [string, string])
  const { Status = '200', ...headers } = Object.fromEntries(lines)
  return { status: Number.parseInt(Status, 10), headers, rest: got.subarray(end + 4) }
}
