/** Texts of the dashboard. Each entry holds both languages, so that a missing translation is a type error. */
import type { Text } from './text.ts'

export const pageTexts = {
  // Navigation and state of the stream
  'nav.overview': { en: 'Overview', zh: '概览' },
  'nav.pool': { en: 'Pool', zh: '地址池' },
  'nav.connections': { en: 'Connections', zh: '连接' },
  'nav.sessions': { en: 'Sessions', zh: '会话' },
  'nav.try': { en: 'Try it', zh: '试一试' },
  'nav.configuration': { en: 'Configuration', zh: '配置' },
  'nav.api': { en: 'API', zh: '接口' },
  'nav.skip': { en: 'Skip to the content', zh: '跳到正文' },
  'nav.label': { en: 'Sections', zh: '页面' },
  'link.live': { en: 'Live', zh: '实时' },
  'link.connecting': { en: 'Connecting', zh: '连接中' },
  'link.lost': { en: 'Disconnected, trying again', zh: '连接中断，正在重试' },
  'link.paused': { en: 'Paused while hidden', zh: '页面隐藏时暂停' },
  'link.locked': { en: 'Token needed', zh: '需要令牌' },
  'theme.switch': { en: 'Switch between light and dark', zh: '切换浅色与深色' },
  'page.loading': { en: 'Waiting for the first report', zh: '正在等待第一份数据' },
  'page.lost': {
    en: 'The gateway does not answer on this port. The page shows the last figures it received.',
    zh: '网关在此端口没有应答。页面显示的是最后一次收到的数据。',
  },
  'page.failed': {
    en: 'The gateway does not answer on this port. Is it running?',
    zh: '网关在此端口没有应答。它在运行吗？',
  },

  // API
  'api.about': {
    en: 'What this page shows and does is this API. For programs:',
    zh: '本页显示的内容和执行的操作都来自此 API。供程序读取：',
  },
  'api.token': { en: 'Needs the admin token.', zh: '需要管理令牌。' },
  'api.body': { en: 'Body', zh: '请求体' },

  // Token
  'token.title': { en: 'Admin token', zh: '管理令牌' },
  'token.why': {
    en: 'Changes need the admin token. It is in state/admin-token, or in admin.token of gateway.yaml. This tab keeps it until it is closed.',
    zh: '更改操作需要管理令牌。令牌在 state/admin-token 文件中，或在 gateway.yaml 的 admin.token 中。只保存在本标签页，关闭即清除。',
  },
  'token.reading': {
    en: 'This port can be reached from other machines, so reading needs the admin token too.',
    zh: '其他机器可以访问此端口，因此查看也需要管理令牌。',
  },
  'token.enter': { en: 'Enter the token', zh: '输入令牌' },
  'token.input': { en: 'Token', zh: '令牌' },
  'token.save': { en: 'Use this token', zh: '使用此令牌' },
  'token.cancel': { en: 'Cancel', zh: '取消' },
  'token.wrong': { en: 'The gateway refused this token.', zh: '网关拒绝了此令牌。' },

  // Verdict
  'verdict.details': { en: 'What to do', zh: '如何处理' },
  'verdict.more': { en: 'What to do, and {count} more', zh: '如何处理（另有 {count} 项）' },

  // Tiles
  'tile.rate': { en: 'Tunnels per second', zh: '每秒隧道数' },
  'tile.refused': { en: 'Refused per second', zh: '每秒拒绝数' },
  'tile.open': { en: 'Open connections', zh: '打开的连接' },
  'tile.waiting': { en: 'Clients waiting', zh: '等待中的客户端' },
  'tile.ready': { en: 'Addresses ready', zh: '可用地址' },
  'tile.setup': { en: 'Set-up time, p50 / p99', zh: '建立时间 p50 / p99' },
  'tile.figures': { en: 'Figures', zh: '指标' },

  // Providers
  'providers.title': { en: 'Providers', zh: '供应商' },
  'providers.none': {
    en: 'No provider is configured. Add one under providers: in gateway.yaml.',
    zh: '还没有配置供应商。请在 gateway.yaml 的 providers: 下添加。',
  },
  'state.ready': { en: 'ready', zh: '就绪' },
  'state.waiting': { en: 'waiting', zh: '等待' },
  'state.stopped': { en: 'stopped', zh: '已停止' },
  'state.unusable': { en: 'unusable', zh: '不可用' },
  'state.paused': { en: 'paused', zh: '已暂停' },
  'state.budget': { en: 'budget used up', zh: '预算用尽' },
  'state.resting': { en: 'resting', zh: '休息' },
  'state.draining': { en: 'draining', zh: '排空' },
  'provider.calls': { en: 'Calls in the window of {seconds} s', zh: '{seconds} 秒窗口内的调用' },
  'provider.channels': { en: 'Channels', zh: '通道' },
  'provider.budget': { en: 'Budget left', zh: '剩余预算' },
  'provider.noBudget': { en: 'no budget set', zh: '未设预算' },
  'provider.bought': { en: 'Bought', zh: '已购买' },
  'provider.used': { en: 'Used', zh: '已使用' },
  'provider.wasted': { en: 'Wasted', zh: '浪费' },
  'provider.balance': { en: 'Balance', zh: '余额' },
  'provider.cost': { en: 'Cost per 1,000 tunnels', zh: '每千条隧道成本' },
  'provider.alive': { en: 'Alive', zh: '存活' },
  'provider.retry': { en: 'Retry', zh: '重试' },
  'provider.refill': { en: 'Refill', zh: '补充' },
  'provider.pause': { en: 'Pause', zh: '暂停' },
  'provider.resume': { en: 'Resume', zh: '恢复' },
  'provider.next': { en: 'next attempt in {seconds} s', zh: '{seconds} 秒后再次尝试' },

  'direct.title': { en: 'direct', zh: '直连' },
  'direct.why': {
    en: 'Rules of routes that lead past all upstreams: {rules}. Their targets see the address of this machine.',
    zh: 'routes 中绕过所有上游的规则：{rules} 条。其目标会看到本机的地址。',
  },
  'direct.opened': { en: 'Opened directly', zh: '直连次数' },

  // Pool
  'pool.title': { en: 'Addresses', zh: '地址' },
  'pool.empty': {
    en: 'The pool is empty. Addresses are bought when a client asks; send a request to see one arrive.',
    zh: '地址池为空。有客户端请求时才会购买；发送一个请求即可看到地址到来。',
  },
  'pool.noMatch': { en: 'No address matches this filter.', zh: '没有符合筛选条件的地址。' },
  'pool.filter': {
    en: 'Filter by address, place, carrier, provider or state',
    zh: '按地址、地区、运营商、供应商或状态筛选',
  },
  'pool.count': { en: '{shown} of {all} addresses', zh: '显示 {shown} 个，共 {all} 个地址' },
  'pool.life': { en: 'Life left', zh: '剩余寿命' },
  'pool.endless': { en: 'endless', zh: '不限时' },
  'pool.address': { en: 'Address', zh: '地址' },
  'pool.place': { en: 'Place and carrier', zh: '地区与运营商' },
  'pool.leases': { en: 'Leases', zh: '租用' },
  'pool.failures': { en: 'Failures', zh: '失败' },
  'pool.latency': { en: 'Set-up', zh: '建立' },
  'pool.state': { en: 'State', zh: '状态' },
  'pool.actions': { en: 'Actions', zh: '操作' },
  'pool.rest': { en: 'Rest', zh: '休息' },
  'pool.evict': { en: 'Evict', zh: '移除' },
  'pool.copy': { en: 'Copy', zh: '复制' },
  'copy.failed': {
    en: 'The browser did not copy; select the text and copy it by hand',
    zh: '浏览器未能复制；请选中文本后手动复制',
  },
  copied: { en: 'Copied', zh: '已复制' },

  // Sessions
  'sessions.about': {
    en: 'A session keeps its upstream from one connection to the next. Rotate gives the next connection another one; open tunnels stay.',
    zh: '会话的各个连接使用同一上游。点“换上游”后，下一个连接使用另一个上游；已打开的隧道不受影响。',
  },
  'sessions.filter': {
    en: 'Filter by name, user, upstream, provider or key',
    zh: '按名称、用户、上游、供应商或键筛选',
  },
  'sessions.count': {
    en: '{shown} of {all} sessions, those used last first',
    zh: '显示 {shown} 个，共 {all} 个会话，最近使用的在前',
  },
  'sessions.empty': {
    en: 'No session. A client opens one with an option in its user name, as in crawler-session-42.',
    zh: '还没有会话。客户端在用户名中写选项即可开始，例如 crawler-session-42。',
  },
  'sessions.noMatch': { en: 'No session matches this filter.', zh: '没有符合筛选条件的会话。' },
  'sessions.uses': { en: 'Uses', zh: '使用次数' },
  'sessions.former': { en: 'Former upstreams', zh: '以前的上游' },
  'sessions.ends': { en: 'Ends if unused', zh: '闲置到期' },
  'sessions.exclusive': { en: 'exclusive', zh: '独占' },
  'sessions.rotate': { en: 'Rotate', zh: '换上游' },
  'sessions.moves': { en: 'moves with its next connection', zh: '下一个连接时更换' },

  // Connections
  'connections.title': { en: 'Connections', zh: '连接' },
  'connections.empty': {
    en: 'No connection yet. Point a client at {proxy}.',
    zh: '还没有连接。请把客户端指向 {proxy}。',
  },
  'connections.noMatch': { en: 'No connection matches this search.', zh: '没有符合搜索条件的连接。' },
  'connections.host': { en: 'Host', zh: '主机' },
  'connections.user': { en: 'User', zh: '用户' },
  'connections.session': { en: 'Session', zh: '会话' },
  'connections.provider': { en: 'Provider', zh: '供应商' },
  'connections.code': { en: 'Code', zh: '代码' },
  'connections.time': { en: 'Started', zh: '开始' },
  'connections.target': { en: 'Target', zh: '目标' },
  'connections.upstream': { en: 'Upstream', zh: '上游' },
  'connections.duration': { en: 'Duration', zh: '时长' },
  'connections.bytes': { en: 'Up / down', zh: '上传 / 下载' },
  'connections.outcome': { en: 'Outcome', zh: '结果' },
  'connections.open': { en: 'open', zh: '打开' },
  'connections.tries': { en: 'Tries', zh: '尝试' },
  'connections.noTries': { en: 'No upstream was tried.', zh: '没有尝试任何上游。' },
  'connections.client': { en: 'Client', zh: '客户端' },
  'connections.clear': { en: 'Clear', zh: '清除' },

  'connections.count': { en: '{shown} of {all}', zh: '显示 {shown} 条，共 {all} 条' },
  'connections.freeze': { en: 'Hold the list', zh: '暂停刷新' },
  'connections.state': { en: 'State', zh: '状态' },
  'connections.shown.all': { en: 'all', zh: '全部' },
  'connections.shown.open': { en: 'open', zh: '打开' },
  'connections.shown.closed': { en: 'closed', zh: '已关闭' },
  'connections.shown.refused': { en: 'refused', zh: '被拒绝' },
  'detail.close': { en: 'Close', zh: '关闭' },
  'detail.protocol': { en: 'Protocol', zh: '协议' },
  'detail.end': { en: 'Ended', zh: '结束方式' },

  // How a connection ended, and what came of a try
  'end.done': { en: 'done', zh: '完成' },
  'end.client-reset': { en: 'reset by the client', zh: '客户端重置' },
  'end.upstream-reset': { en: 'reset by the upstream', zh: '上游重置' },
  'end.idle': { en: 'idle for too long', zh: '空闲超时' },
  'end.closed': { en: 'closed', zh: '已关闭' },
  'end.client-gone': { en: 'the client left', zh: '客户端离开' },
  'end.refused': { en: 'refused', zh: '被拒绝' },
  'result.dialling': { en: 'dialling', zh: '连接中' },
  'result.opened': { en: 'opened', zh: '成功' },
  'result.unreachable': { en: 'unreachable', zh: '无法连接' },
  'result.silent': { en: 'silent', zh: '无响应' },
  'result.closed': { en: 'closed the connection', zh: '关闭了连接' },
  'result.garbage': { en: 'answered with garbage', zh: '应答无法识别' },
  'result.forbidden': { en: 'forbidden address', zh: '禁止的地址' },
  'result.login': { en: 'refused the login', zh: '拒绝了登录' },
  'result.refused': { en: 'refused the target', zh: '拒绝了目标' },
  'result.unanswered': { en: 'sent no answer', zh: '没有应答' },
  'result.local': { en: 'fault of this machine', zh: '本机故障' },
  'result.abandoned': { en: 'abandoned', zh: '已放弃' },

  // Plots
  'plot.title': { en: 'Last hour', zh: '最近一小时' },
  'plot.rate': { en: 'Tunnels per second and clients waiting', zh: '每秒隧道数与等待客户端' },
  'plot.setup': { en: 'Set-up time, ms', zh: '建立时间（毫秒）' },
  'plot.addresses': { en: 'Addresses bought and wasted', zh: '购买与浪费的地址' },
  'plot.calls': { en: 'Vendor calls', zh: '供应商调用' },
  'plot.empty': { en: 'The plots appear after twenty seconds of history.', zh: '积累二十秒数据后显示图表。' },
  'plot.tunnels': { en: 'tunnels/s', zh: '隧道/秒' },
  'plot.time': { en: 'Time', zh: '时间' },
  'plot.waiting': { en: 'waiting', zh: '等待' },
  'plot.bought': { en: 'bought', zh: '购买' },
  'plot.wasted': { en: 'wasted', zh: '浪费' },
  'plot.callsMade': { en: 'in the window', zh: '窗口内' },
  'plot.callsAllowed': { en: 'allowed', zh: '允许' },
  'plot.failed': { en: 'failed', zh: '失败' },

  // Try
  'try.title': { en: 'Try a request', zh: '发送测试请求' },
  'try.url': { en: 'URL', zh: '网址' },
  'try.port': { en: 'Port', zh: '端口' },
  'try.user': { en: 'User', zh: '用户' },
  'try.session': { en: 'Session', zh: '会话' },
  'try.country': { en: 'Country', zh: '国家' },
  'try.optional': { en: 'optional', zh: '可选' },
  'try.send': { en: 'Send through the gateway', zh: '经网关发送' },
  'try.sending': { en: 'Sending', zh: '发送中' },
  'try.answer': { en: 'Answer', zh: '应答' },
  'try.snippets': { en: 'The same in your program', zh: '在程序中使用' },
  'try.password': { en: 'Replace PASSWORD with the password of this user.', zh: '请把 PASSWORD 换成该用户的密码。' },

  // Paste a link
  'paste.title': { en: 'Paste a link', zh: '粘贴提取链接' },
  'paste.why': {
    en: 'Turnpike calls the link once, says what it understood, and gives the YAML to add under providers:.',
    zh: 'Turnpike 会调用该链接一次，说明识别结果，并给出可加入 providers: 的 YAML。',
  },
  'paste.link': { en: 'Extraction link of your vendor', zh: '供应商的提取链接' },
  'paste.test': { en: 'Test the link', zh: '测试链接' },
  'paste.cost': { en: 'The test may buy one address.', zh: '测试可能会购买一个地址。' },
  'paste.found': { en: '{count} addresses from {vendor} {product}', zh: '来自 {vendor} {product} 的 {count} 个地址' },
  'paste.yaml': { en: 'Add to gateway.yaml', zh: '加入 gateway.yaml' },

  // Configuration
  'config.title': { en: 'Configuration in force', zh: '当前配置' },
  'config.check': { en: 'Check an edited text', zh: '检查修改后的文本' },
  'config.checkWhy': {
    en: 'Nothing is applied. Problems are listed with line and column.',
    zh: '不会应用任何更改。问题会列出行号和列号。',
  },
  'config.run': { en: 'Check', zh: '检查' },
  'config.good': { en: 'No mistake found.', zh: '没有发现错误。' },
  'config.place': { en: 'Line {line}, column {column}', zh: '第 {line} 行，第 {column} 列' },
  'config.text': { en: 'Text of gateway.yaml', zh: 'gateway.yaml 文本' },

  // Answers to actions
  'action.done': { en: 'Done', zh: '已完成' },
  'action.failed': { en: 'The gateway refused: {reason}', zh: '网关拒绝：{reason}' },
  'action.unreachable': { en: 'the gateway did not answer', zh: '网关没有应答' },
} as const satisfies Record<string, Text>

export type PageText = keyof typeof pageTexts
