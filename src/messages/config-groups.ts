/** The groups of keys in docs/configuration.md: purpose and example of each. */
import type { Text } from './text.ts'

interface ConfigGroup {
  readonly title: Text
  readonly intro: Text
  /** A part of gateway.yaml. Comments are in English; `comments` has their Chinese translations for the Chinese page. */
  readonly example: string
  readonly comments?: Readonly<Record<string, string>>
}

/** By the first key of the path, in the order of the page. */
export const configGroups: Readonly<Record<string, ConfigGroup>> = {
  listen: {
    title: { en: 'Ports for clients', zh: '客户端端口' },
    intro: {
      en: 'Each port speaks HTTP proxy, SOCKS5 and SOCKS4/4a. A port that other machines can reach needs `users` or `allow`.',
      zh: '每个端口同时支持 HTTP 代理、SOCKS5 和 SOCKS4/4a。其他机器能访问的端口必须配置 `users` 或 `allow`。',
    },
    example: `listen:
  - port: 8080                                   # programs on this machine
  - name: browsers
    port: 8090
    session: client                              # one upstream for each client address
  - name: office
    host: 0.0.0.0
    port: 8070
    allow: ["192.168.1.0/24"]
    users: [{ name: crawler, password: "\${GATEWAY_PASSWORD}" }]
`,
    comments: {
      'programs on this machine': '本机的程序',
      'one upstream for each client address': '每个客户端地址固定一个上游',
    },
  },
  admin: {
    title: { en: 'Admin port and dashboard', zh: '管理端口与仪表盘' },
    intro: {
      en: '`admin: off` closes it. Off loopback a token is required.',
      zh: '`admin: off` 关闭管理端口。监听非环回地址时必须设置令牌。',
    },
    example: `admin: { host: 127.0.0.1, port: 8081, token: "\${ADMIN_TOKEN}" }
`,
  },
  providers: {
    title: { en: 'Providers', zh: '供应商' },
    intro: {
      en: "Where addresses come from. The keys below `credentials` and `request` are the vendor's own: [vendors/](vendors/README.md).",
      zh: '地址的来源。`credentials` 和 `request` 下的键是供应商自己的：[vendors/](vendors/README.zh-CN.md)。',
    },
    example: `providers:
  - name: qg-a
    vendor: qg
    product: share-channel
    channels: 10
    credentials: { key: "\${QG_KEY}" }
    upstream: { username: "\${QG_KEY}", password: "\${QG_PASSWORD}" }
    priority: 1
    budget: { perHour: 600, perDay: 5000 }       # addresses
  - name: reserve
    vendor: static
    list: ["203.0.113.10:8080"]
    priority: 2                                  # used when qg-a cannot deliver
`,
    comments: { addresses: '地址数', 'used when qg-a cannot deliver': 'qg-a 无法供应时使用' },
  },
  groups: {
    title: { en: 'Groups of providers', zh: '供应组' },
    intro: {
      en: `Several providers under one name, for \`routes\`. The members of the lowest \`priority\` that can serve (they hold an
address or may buy one) share the connections by \`weight\`; a session always gets the same place. \`fallback\` serves when
no member can. A client that waited for a member in vain goes to the next one.`,
      zh: `把多个 provider 归到一个名字下，供 \`routes\` 使用。\`priority\` 最小且能服务（有地址或可以购买）的成员按 \`weight\` 分配连接；
同一会话总在同一位置。成员都不能服务时由 \`fallback\` 服务。等不到某个成员地址的客户端转到下一个成员。`,
    },
    example: `groups:
  - name: both
    members: [{ provider: qg-a, weight: 3 }, { provider: reserve, weight: 1 }]
  - { name: careful, members: [qg-a], fallback: provider reserve }
`,
  },
  routes: {
    title: { en: 'Routes', zh: '路由规则' },
    intro: {
      en: `Which connections go where. The first rule that matches wins; a connection that no rule matches may use any provider. A
rule matches when each of its criteria does; of several values one is enough. Hosts are compared as the client writes them:
no name is resolved for a rule, so a block of addresses matches only targets that are given as addresses. A client's own option
\`provider\` chooses among the providers of the rule. \`turnpike route HOST:PORT\` shows which rule it is and where it leads.

\`direct\` connects to the target itself, through no upstream: it sees the address of this machine. Only a rule leads there; no
failure of a provider does. It is logged at the start, and reports and metrics show it as provider \`direct\`. Loopback and private
addresses are refused there unless the rule names the host or its block (/8 or smaller; IPv6 /7), or has \`allowPrivate\`; the
gateway's own ports always are. A client that asks for a provider, or a user limited to \`providers\`, is refused, unless the rule
names the user.`,
      zh: `哪些连接走哪里。第一条匹配的规则生效；没有规则匹配的连接可用任何 provider。一条规则的所有条件都满足才算匹配；一个条件写了多个值时
满足其一即可。主机按客户端写的样子比较：规则从不解析域名，所以地址段只匹配以地址给出的目标。客户端自己的选项 \`provider\` 只能在规则给出的
provider 中选择。\`turnpike route HOST:PORT\` 显示命中的规则及其去向。

\`direct\` 不经任何上游，直接连接目标：目标看到的是本机地址。只有规则能导向它，provider 的任何故障都不会。启动时写入日志；报告和指标里以 provider
\`direct\` 显示。环回和内网地址会被拒绝，除非规则指名了该主机或其地址段（不大于 /8；IPv6 为 /7），或写了 \`allowPrivate\`；网关自己的端口始终拒绝。
客户端指定了 provider，或用户被限定了 \`providers\` 时会被拒绝，除非规则指名了该用户。`,
    },
    example: `routes:
  - { host: ["ads.example", "*.ads.example"], to: block }   # 403 GW_TARGET_BLOCKED
  - { host: "*.example.cn", port: 443, user: alice, to: group careful }
  - DOMAIN-SUFFIX,example.com,provider qg-a      # also DOMAIN, DOMAIN-KEYWORD, IP-CIDR, DST-PORT
  - { host: [intranet.example, 192.168.0.0/16], to: direct }   # through no upstream
  - MATCH,group both
`,
    comments: {
      'through no upstream': '不经任何上游',
      'also DOMAIN, DOMAIN-KEYWORD, IP-CIDR, DST-PORT': '还有 DOMAIN、DOMAIN-KEYWORD、IP-CIDR、DST-PORT',
    },
  },
  pool: {
    title: { en: 'Pool', zh: '地址池' },
    intro: {
      en: 'Number of addresses that are held, and how long each may be lent.',
      zh: '持有多少地址，以及每个地址可以借出多久。',
    },
    example: `pool: { floor: 5, ceiling: 50, targetLoad: 8, idleAfter: 60s, perUpstream: { connections: 20 } }
`,
  },
  rotation: {
    title: { en: 'Rotation', zh: '轮换' },
    intro: { en: 'Which upstream a connection gets.', zh: '一个连接使用哪个上游。' },
    example: `rotation: { strategy: least-connections, per: connection }
`,
  },
  session: {
    title: { en: 'Sessions', zh: '会话' },
    intro: {
      en: 'A client that names a session keeps its upstream: [clients.md](clients.md#client-options).',
      zh: '指定会话的客户端保持同一个上游：[clients](clients.zh-CN.md#客户端选项)。',
    },
    example: `session: { idle: 30m, max: 100000 }
`,
  },
  dial: {
    title: { en: 'Connecting to upstreams', zh: '连接上游' },
    intro: {
      en: 'Time limits and tries before a client gets an error.',
      zh: '在客户端得知失败之前的时限与尝试次数。',
    },
    example: `dial: { timeout: 5s, deadline: 15s, tries: 3, warm: 1 }
`,
  },
  wait: {
    title: { en: 'Waiting for an address', zh: '等待地址' },
    intro: {
      en: 'Without a free address a client waits; users are served in turn.',
      zh: '没有可用地址时客户端排队等待，各用户轮流。',
    },
    example: `wait: { timeout: 10s, queue: 1000 }
`,
  },
  relay: {
    title: { en: 'Open tunnels', zh: '已打开的隧道' },
    intro: { en: 'A tunnel without traffic is closed after this time.', zh: '没有流量的隧道在此时间后关闭。' },
    example: `relay: { idle: 10m }
`,
  },
  bans: {
    title: { en: 'Bans', zh: '封禁' },
    intro: {
      en: 'Answers that mean that a target has banned an address: the address is not used for that host for a while.',
      zh: '哪些应答表示目标封禁了某个地址：该地址在一段时间内不再用于该主机。',
    },
    example: `bans:
  - { host: "*.example.com", status: [403, 429], rest: 10m }
`,
  },
  limits: {
    title: { en: 'Limits', zh: '限制' },
    intro: {
      en: 'Limits of one gateway for all clients.',
      zh: '网关从所有客户端接受的上限。',
    },
    example: `limits: { connections: 10000, handshake: 10s, headerBytes: 16KiB }
`,
  },
  health: {
    title: { en: 'Health of addresses', zh: '地址健康' },
    intro: { en: 'When a failing address rests and when it is removed.', zh: '失败的地址何时休息、何时移除。' },
    example: `health: { rest: 5s, maxRest: 2m, evictAfter: 3 }
`,
  },
  supply: {
    title: { en: 'Calls to vendors', zh: '调用供应商' },
    intro: { en: 'Pauses after failed calls, and the size of replies.', zh: '调用失败后的停顿，以及响应的大小。' },
    example: `supply: { backoff: 1s, maxBackoff: 30s, reprobe: 10m }
`,
  },
  callback: {
    title: { en: 'Callback of a vendor', zh: '供应商回调' },
    intro: {
      en: 'A port on which a vendor may announce a change (ipipv). It only makes the gateway query the vendor.',
      zh: '供应商（ipipv）可以在此端口通知变化。通知只用来触发一次查询。',
    },
    example: `callback: { host: 127.0.0.1, port: 8082, path: "\${CALLBACK_PATH}" }
`,
  },
  webhook: {
    title: { en: 'Warnings', zh: '告警' },
    intro: {
      en: 'Sends warnings to a URL of yours: a low balance, a plan that ends soon, a stopped provider, a used-up budget. [operate.md](operate.md) shows the body.',
      zh: '把需要处理的事情发送到您的 URL：余额不足、套餐即将到期、provider 停止、预算用完。内容格式见 [operate.zh-CN.md](operate.zh-CN.md)。',
    },
    example: `webhook: { url: "\${WEBHOOK_URL}", format: json }
`,
  },
  stop: {
    title: { en: 'Stopping', zh: '停止' },
    intro: { en: 'How long open tunnels may finish.', zh: '已打开的隧道最多还能运行多久。' },
    example: `stop: { drain: 30s }
`,
  },
  reload: {
    title: { en: 'Changes while it runs', zh: '运行中修改配置' },
    intro: {
      en: 'A changed file takes effect without a restart; a file with mistakes changes nothing. See [operate.md](operate.md).',
      zh: '修改后的文件无需重启即可生效；有错误的文件不会改变任何东西。参见 [operate.zh-CN.md](operate.zh-CN.md)。',
    },
    example: `reload: auto
`,
  },
  state: {
    title: { en: 'State folder', zh: '状态目录' },
    intro: {
      en: 'Keeps over a restart what was bought and used: addresses, channels, calls, budgets, sessions, bytes and addresses of users with limits.',
      zh: '在重启之间保存已购买和已使用的内容：地址、通道、调用记录、预算、会话，以及受限用户的字节数和地址。',
    },
    example: `state: { path: /var/lib/turnpike }
`,
  },
  workers: {
    title: { en: 'Several cores', zh: '多个 CPU 核' },
    intro: {
      en: 'Several processes serve clients on the same ports, and one more process buys for all of them. Limits under `perUpstream` apply to all of them together. With `cluster`, start one gateway for each core instead (`listen[].shared`). [operate.md](operate.md) says more.',
      zh: '由若干进程在同一端口上为客户端服务，另有一个进程统一购买。`perUpstream` 中的限制对所有进程合计生效。使用 `cluster` 时改为每个核启动一个网关（`listen[].shared`）。详见 [operate.zh-CN.md](operate.zh-CN.md)。',
    },
    example: `workers: 2
`,
  },
  cluster: {
    title: { en: 'Several hosts', zh: '多台主机' },
    intro: {
      en: 'Hosts with the same `cluster` share accounts, addresses and sessions: one of them buys, all of them lend. It replaces `state`. Not together with `vendor: demo`. Limits of addresses (`perUpstream`) change only by a restart. [Scale](operate/scale.md) says more.',
      zh: '`cluster` 相同的主机共享账号、地址和会话：由其中一台购买，所有主机都可使用。它取代 `state`。不能与 `vendor: demo` 一起使用。地址的限制（`perUpstream`）只有重启后才会改变。详见[扩展](operate/scale.md)。',
    },
    example: `cluster:
  url: "rediss://crawlers:\${REDIS_PASSWORD}@redis.internal:6379"
  name: crawlers
  secret: "\${CLUSTER_SECRET}"
`,
  },
  log: {
    title: { en: 'Log', zh: '日志' },
    intro: {
      en: 'Goes to standard output; without secrets, paths and queries.',
      zh: '写到标准输出；从不包含机密、路径或查询串。',
    },
    example: `log: { level: info, access: on }
`,
  },
}
