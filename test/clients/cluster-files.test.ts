/** What docker/compose.cluster.yaml, docker/k8s and docker/systemd run, without the engines: shape, configuration, commands. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { z } from 'zod'
import { parseConfig } from '../../src/config/load.ts'
import { freePort } from '../support/free-port.ts'

const DOCKER = fileURLToPath(new URL('../../docker/', import.meta.url))
const read = (name: string) => readFileSync(join(DOCKER, name), 'utf8')
const ENVIRONMENT = {
  TURNPIKE_PASSWORD: 'passwordOfThisTest',
  CLUSTER_SECRET: 'secretOfThisTest4711',
  REDIS_PASSWORD: 'redisOfThisTest',
  QG_KEY: 'ABCDEF12',
}

// Only the part of the Kubernetes API that the files use, strict, so that a key at a wrong place or a slip is found.
const named = z.strictObject({ name: z.string() })
const labels = z.record(z.string(), z.string())
const port = z.union([z.string(), z.int()])
const probe = z.strictObject({
  exec: z.strictObject({ command: z.array(z.string()) }).optional(),
  tcpSocket: z.strictObject({ port }).optional(),
  periodSeconds: z.int().optional(),
  failureThreshold: z.int().optional(),
})
const quantities = z.record(z.string(), z.string())
const container = z.strictObject({
  name: z.string(),
  image: z.string(),
  imagePullPolicy: z.enum(['IfNotPresent', 'Always', 'Never']).optional(),
  restartPolicy: z.literal('Always').optional(),
  command: z.array(z.string()).optional(),
  ports: z.array(z.strictObject({ name: z.string(), containerPort: z.int() })).optional(),
  env: z
    .array(
      z.strictObject({
        name: z.string(),
        valueFrom: z.strictObject({ secretKeyRef: z.strictObject({ name: z.string(), key: z.string() }) }),
      }),
    )
    .optional(),
  envFrom: z.array(z.strictObject({ secretRef: named })).optional(),
  readinessProbe: probe.optional(),
  livenessProbe: probe.optional(),
  startupProbe: probe.optional(),
  resources: z.strictObject({ requests: quantities, limits: quantities.optional() }).optional(),
  securityContext: z
    .strictObject({
      runAsNonRoot: z.boolean().optional(),
      runAsUser: z.int().optional(),
      allowPrivilegeEscalation: z.boolean(),
      readOnlyRootFilesystem: z.boolean(),
      capabilities: z.strictObject({ drop: z.array(z.string()) }),
    })
    .optional(),
  volumeMounts: z
    .array(z.strictObject({ name: z.string(), mountPath: z.string(), readOnly: z.boolean().optional() }))
    .optional(),
})
const podSpec = z.strictObject({
  terminationGracePeriodSeconds: z.int().optional(),
  restartPolicy: z.enum(['Never', 'OnFailure', 'Always']).optional(),
  securityContext: z
    .strictObject({
      runAsNonRoot: z.boolean(),
      runAsUser: z.int(),
      runAsGroup: z.int(),
      fsGroup: z.int(),
      seccompProfile: z.strictObject({ type: z.literal('RuntimeDefault') }),
    })
    .optional(),
  initContainers: z.array(container).optional(),
  containers: z.array(container),
  volumes: z
    .array(z.strictObject({ name: z.string(), configMap: named.optional(), emptyDir: z.strictObject({}).optional() }))
    .optional(),
})
const pod = z.strictObject({ metadata: z.strictObject({ labels }).optional(), spec: podSpec })
const selector = z.strictObject({ matchLabels: labels })
const object = z.discriminatedUnion('kind', [
  z.strictObject({
    apiVersion: z.literal('apps/v1'),
    kind: z.literal('Deployment'),
    metadata: named,
    spec: z.strictObject({ replicas: z.int(), selector, template: pod }),
  }),
  z.strictObject({
    apiVersion: z.literal('apps/v1'),
    kind: z.literal('StatefulSet'),
    metadata: named,
    spec: z.strictObject({
      serviceName: z.string(),
      replicas: z.int(),
      selector,
      template: pod,
      volumeClaimTemplates: z.array(
        z.strictObject({
          metadata: named,
          spec: z.strictObject({
            accessModes: z.array(z.string()),
            resources: z.strictObject({ requests: quantities }),
          }),
        }),
      ),
    }),
  }),
  z.strictObject({
    apiVersion: z.literal('v1'),
    kind: z.literal('Service'),
    metadata: named,
    spec: z.strictObject({
      selector: labels,
      ports: z.array(z.strictObject({ name: z.string(), port: z.int(), targetPort: port })),
    }),
  }),
  z.strictObject({
    apiVersion: z.literal('batch/v1'),
    kind: z.literal('Job'),
    metadata: named,
    spec: z.strictObject({ backoffLimit: z.int(), template: pod }),
  }),
])

const objects = ['k8s/cluster.yaml', 'k8s/sidecar.yaml'].flatMap((name) =>
  parseAllDocuments(read(name)).map((document) => object.parse(document.toJS())),
)
const pods = objects.flatMap((one) => (one.kind === 'Service' ? [] : [one.spec.template]))
const containers = pods.flatMap(({ spec }) => [...(spec.initContainers ?? []), ...spec.containers])
const compose = parse(read('compose.cluster.yaml'), { merge: true })

it('the Kubernetes files have the shape of their API, and refer to what there is', () => {
  for (const one of objects) {
    if (one.kind === 'Deployment' || one.kind === 'StatefulSet')
      expect(one.spec.template.metadata?.labels).toEqual(one.spec.selector.matchLabels)
    if (one.kind === 'Service') {
      const target = pods.find(({ metadata }) => metadata?.labels['app'] === one.spec.selector['app'])
      const ports = target?.spec.containers.flatMap((single) => single.ports?.map(({ name }) => name) ?? [])
      expect(ports).toContain(one.spec.ports[0]?.targetPort)
    }
  }
  for (const { spec } of pods) {
    const volumes = [...(spec.volumes ?? []).map(({ name }) => name), 'data']
    for (const { volumeMounts = [] } of spec.containers)
      for (const { name } of volumeMounts) expect(volumes).toContain(name)
  }
  const sidecar = pods.flatMap(({ spec }) => spec.initContainers ?? [])
  expect(sidecar.map(({ restartPolicy }) => restartPolicy)).toEqual(['Always'])
})

it('the gateway that they run takes its configuration, and finds Redis where the files put it', () => {
  const config = parseConfig(read('gateway.cluster.yaml'), join(DOCKER, 'gateway.cluster.yaml'), ENVIRONMENT)
  expect(config.cluster?.url.reveal()).toBe(`redis://:${ENVIRONMENT.REDIS_PASSWORD}@redis:6379`)
  expect(Object.keys(compose.services)).toEqual(['turnpike-1', 'turnpike-2', 'haproxy', 'redis'])
  for (const name of ['turnpike-1', 'turnpike-2'])
    expect(Object.keys(compose.services[name].environment).toSorted()).toEqual(Object.keys(ENVIRONMENT).toSorted())
  expect(objects.filter(({ kind, metadata }) => kind === 'Service' && metadata.name === 'redis')).toHaveLength(1)
})

it('HAProxy takes its configuration', () => {
  const folder = mkdtempSync(join(tmpdir(), 'turnpike-haproxy-'))
  // Its names are those of the containers.
  writeFileSync(join(folder, 'haproxy.cfg'), read('haproxy.cfg'))
  const { status, stderr } = spawnSync('haproxy', ['-c', '-f', join(folder, 'haproxy.cfg')], { encoding: 'utf8' })
  rmSync(folder, { recursive: true })
  expect([status, stderr]).toEqual([0, expect.any(String)])
})

it('the probes say yes and no', async () => {
  const commands = containers.flatMap((one) =>
    [one.readinessProbe, one.livenessProbe, one.startupProbe].flatMap((each) =>
      each?.exec ? [each.exec.command] : [],
    ),
  )
  expect(commands.length).toBeGreaterThan(2)
  for (const isWell of [true, false]) {
    const server = createServer((_, response) => response.writeHead(isWell ? 200 : 503).end())
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    const at = String((server.address() as AddressInfo).port)
    for (const [, ...args] of commands) {
      const command = args.map((arg) => arg.replace('8081', at))
      const child = spawn(process.execPath, command, { stdio: 'ignore' })
      const code = await new Promise((ended) => child.once('exit', ended))
      expect(code).toBe(isWell ? 0 : 1)
    }
    server.close()
  }
})

/** A command of the files runs in a folder of its own. @param args may name secrets, as the engine would fill them in */
async function runs(
  [command = '', ...args]: readonly string[],
  until: (at: number) => Promise<void>,
  at: number,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'turnpike-files-'))
  const child = spawn(command, args, { cwd: folder, env: { ...process.env, ...ENVIRONMENT }, stdio: 'ignore' })
  const ended = once(child, 'exit')
  try {
    await Promise.race([until(at), ended.then(([code]) => expect.unreachable(`${command} has ended with ${code}`))])
  } finally {
    child.kill()
    await ended
    rmSync(folder, { recursive: true })
  }
}

it('Redis starts with the commands of the files, asks for the password, and the health check sees that', async () => {
  const [port, other] = [await freePort(), await freePort()]
  const filled = (compose.services.redis.command as string[]).map((arg) =>
    arg.replace(/\$\{(\w+)\}/, (_, name) => ENVIRONMENT[name as keyof typeof ENVIRONMENT]),
  )
  const [, check] = compose.services.redis.healthcheck.test as [string, string]
  const isHealthy = (at: number) => {
    const script = check.replaceAll('$$', '$').replace('redis-cli', `redis-cli -p ${at}`)
    return spawnSync('sh', ['-c', script], { env: { ...process.env, ...ENVIRONMENT } }).status === 0
  }
  const healthy = async (at: number) => {
    await expect.poll(() => isHealthy(at), { timeout: 60_000 }).toBe(true)
    const { stdout } = spawnSync('redis-cli', ['-p', String(at), 'ping'], { encoding: 'utf8' })
    expect(stdout).toContain('NOAUTH')
  }
  expect(isHealthy(port)).toBe(false)
  await runs([...filled, '--port', String(port)], healthy, port)
  const [inPod] = containers.filter(({ name }) => name === 'redis')
  const [shell = '', option = '', script = ''] = inPod?.command ?? []
  await runs([shell, option, `${script} --port ${other}`], healthy, other)
})

it('the crawler beside the sidecar goes through its gateway, with the password', async () => {
  const [crawler] = containers.filter(({ command }) => command?.at(-1)?.includes('curl'))
  const [shell = '', option = '', script = ''] = crawler?.command ?? []
  const asked: (string | undefined)[][] = []
  const proxy = createServer((request, response) => {
    asked.push([request.url, request.headers['proxy-authorization']])
    response.end()
  })
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  const { port: at } = proxy.address() as AddressInfo
  // As for the crawler, but without TLS, which only a tunnel could carry.
  const command = script.replace('8080', String(at)).replace('https:', 'http:')
  const child = spawn(shell, [option, command], { env: { ...process.env, ...ENVIRONMENT } })
  expect(await once(child, 'exit')).toEqual([0, null])
  const login = `Basic ${btoa(`crawler:${ENVIRONMENT.TURNPIKE_PASSWORD}`)}`
  expect(asked).toEqual([['http://example.com/', login]])
  proxy.close()
})

it('systemd takes its units, and knows every key of them', () => {
  const units = ['turnpike.service', 'turnpike.socket'].map((name) => join(DOCKER, 'systemd', name))
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...units], { encoding: 'utf8' })
  expect([status, stderr]).toEqual([0, ''])
})
