/** What the commands print, and why they fail. */
export const commandTexts = {
  // Asking a running gateway
  'no gateway answers at {place}: start it with "turnpike start", or name its configuration with --config FILE':
    '{place} 没有网关应答：请用 "turnpike start" 启动，或用 --config FILE 指定它的配置文件',
  'the gateway at {place} has not answered for {seconds} s': '{place} 的网关 {seconds} 秒没有应答',
  'the program that listens at {place} does not answer like a gateway': '在 {place} 监听的程序不像是网关',
  'the gateway at {place}: {words}': '{place} 的网关：{words}',
  'the gateway at {place} needs its token, and {file}, which holds it, cannot be read ({code}): run this as the user of the gateway, with its configuration, or set admin.token':
    '{place} 的网关需要令牌，而无法读取保存令牌的 {file}（{code}）：请以运行网关的用户、用它的配置文件执行此命令，或设置 admin.token',
  'the gateway at {place} ended the connection': '{place} 的网关断开了连接',
  'the gateway sent an event that is too long': '网关发来的事件过长',
  'the gateway sent something that is not JSON': '网关发来的内容不是 JSON',
  '{file} has no admin port (admin: off), so the gateway cannot be asked':
    '{file} 没有管理端口（admin: off），无法询问网关',
  '{file} has no admin port (admin: off): send SIGHUP to the gateway instead':
    '{file} 没有管理端口（admin: off）：请向网关进程发送 SIGHUP',

  // status
  'The gateway at {place} is ready.': '{place} 的网关已就绪。',
  'The gateway at {place} is not ready{reasons}.': '{place} 的网关未就绪{reasons}。',
  connecting: '正在连接',
  'disconnected, trying again': '连接中断，正在重试',
  'waiting for the first report': '正在等待第一份数据',
  '{count} more: see turnpike status': '另有 {count} 项：见 turnpike status',
  'Ctrl-C ends': '按 Ctrl-C 结束',
  rates: '速率',
  clients: '客户端',
  pool: '地址池',
  'tunnels/s {count}': '隧道/秒 {count}',
  'refused/s {count}': '拒绝/秒 {count}',
  'set-up p50 {p50} ms, p99 {p99} ms': '建立时间 p50 {p50} 毫秒，p99 {p99} 毫秒',
  'connections {count}': '连接 {count}',
  'tunnels {count}': '隧道 {count}',
  'waiting {count}': '等待 {count}',
  'sessions {count}': '会话 {count}',
  'ready {count}': '可用 {count}',
  'resting {count}': '休息 {count}',
  'draining {count}': '排空 {count}',
  'opened directly {count}': '直连 {count}',
  provider: '供应商',
  state: '状态',
  alive: '存活',
  calls: '调用',
  'budget left': '剩余预算',
  channels: '通道',
  bought: '购买',
  used: '使用',
  wasted: '浪费',
  balance: '余额',

  // check, reload, retry
  '{file} is valid': '{file} 有效',
  listen: '监听',
  admin: '管理端口',
  '{floor} to {ceiling} addresses, nothing bought after {idle} without traffic':
    '{floor} 到 {ceiling} 个地址，无流量 {idle} 后停止购买',
  'in memory only': '仅在内存中',
  'Nothing has changed.': '没有变化。',
  'In force now: {keys}.': '现已生效：{keys}。',
  '{path} needs a restart: until then the former value holds.': '{path} 需要重启：在此之前沿用旧值。',
  '"{name}" may buy again at once, when addresses are needed, within its budget and calls.':
    '"{name}" 可以立即再次购买（需要地址时，且不超过预算和调用限制）。',

  // Failures
  '{file} has one mistake': '{file} 有 1 处错误',
  '{file} has {count} mistakes': '{file} 有 {count} 处错误',
  'unexpected error: {error}': '意外错误：{error}',
  'port {port} on {address} is in use: stop the program that listens there, or change {key}.port':
    '{address} 的端口 {port} 已被占用：请停止占用它的程序，或修改 {key}.port',
  'this user may not listen on port {port} of {address}: choose a port above 1023 in {key}.port':
    '当前用户无权监听 {address} 的端口 {port}：请在 {key}.port 中选择大于 1023 的端口',
  'this system cannot share port {port} between processes: leave out {key}.shared':
    '本系统不能让多个进程共用端口 {port}：请去掉 {key}.shared',
  '{address} is not an address of this machine: change {key}.host': '{address} 不是本机的地址：请修改 {key}.host',
  'the name {address} has no address: change {key}.host': '名称 {address} 没有对应的地址：请修改 {key}.host',
  '--port {port}: the configuration has another port of this number': '--port {port}：配置中另有一个相同号码的端口',

  // init
  Vendor: '供应商',
  Product: '产品',
  'number or name': '编号或名称',
  '{vendor} has no products: leave --product out': '{vendor} 没有产品之分：请去掉 --product',
  'there is no such choice': '没有这个选项',
  'there is no choice {answer}: {choices}': '没有选项 {answer}，可选：{choices}',
  'standard input ended before the answer: give it with {option}': '标准输入在回答之前结束：请用 {option} 指定',
  'written: {files}': '已生成：{files}',
  'added to {file}: {names}': '已补充到 {file}：{names}',
  'add to {file}, with their values: {names}': '在 {file} 中添加并填写：{names}',
  'next:': '下一步：',
  'then fill in: {names}': '然后填写：{names}',
  'shows mistakes, and what the gateway would do': '检查错误，并显示网关的行为',
  'runs the gateway': '启动网关',
  '{file} exists and is not overwritten: name another file with --config, or add a provider with "turnpike add"':
    '{file} 已存在，不会覆盖：请用 --config 指定其他文件，或用 "turnpike add" 添加供应商',
  '{file} cannot be written ({code})': '无法写入 {file}（{code}）',
  'Variables of {file}. Copy this file to .env and fill it in; turnpike reads .env beside the configuration. Keep .env out of version control.':
    '{file} 的环境变量。请把此文件复制为 .env 并填写；turnpike 会读取配置文件旁边的 .env。请勿把 .env 提交到版本库。',
  'workers need a folder for a socket, and {parent} cannot be written ({code}): set TMPDIR':
    'worker 需要一个存放套接字的目录，而 {parent} 无法写入（{code}）：请设置 TMPDIR',

  // add
  'this is no link: a link begins with http:// or https://': '这不是链接：链接以 http:// 或 https:// 开头',
  '{file} cannot be added to: write the entry by hand': '无法自动修改 {file}：请手动添加条目',
  '--name: {problem}': '选项 --name：{problem}',
  'another provider has this name already': '已有同名的供应商条目',
  'this link is provider "{twin}" of {file} already; --name adds it once more':
    '此链接已是 {file} 中的供应商 "{twin}"；用 --name 可再添加一次',
  'the link holds characters that .env cannot hold: set the variables by hand':
    '链接含有 .env 无法表示的字符：请手动设置环境变量',
  'added to {file}: provider "{name}"': '已添加到 {file}：供应商 "{name}"',
  'in {file}: {names}. Keep this file out of version control': '已写入 {file}：{names}。请勿把此文件提交到版本库',
  'one call: what does it bring?': '调用一次，看看得到什么',
  'a running gateway takes it up': '让正在运行的网关采用新配置',

  // call
  'name an operation before its parameters': '请先给出接口名，再给参数',
  'it has {names}': '其中有 {names}',
  'did you mean {name}?': '您是指 {name} 吗？',
  'the vendor of {provider} lists no areas': '{provider} 的供应商没有地区列表',
  'nothing is listed': '没有列出任何内容',
  '{file} has no provider {name}; {hint}': '{file} 中没有供应商 {name}；{hint}',
  '"{name}" is your own list: there are no operations': '"{name}" 是您自己的列表，没有接口',
  '{text} is no parameter: write name=value': '{text} 不是参数：请写成 name=value',
  '{name} is given twice': '{name} 重复给出',
  'only one value can come from standard input': '只能有一个值来自标准输入',
  'its admin port is off: this command cannot reach it': '它的管理端口已关闭，此命令无法访问',
  'it does not answer at {place}, where this configuration has its admin port': '它在此配置的管理端口 {place} 没有应答',
  'the demo vendor is part of a running gateway: start the gateway first': '模拟供应商运行在网关内部：请先启动网关',
  'no gateway answers, and with "state: off" it is not known which calls still count: start the gateway, or let it keep state':
    '没有网关应答，而 "state: off" 时无法得知哪些调用仍计入限速：请启动网关，或让它保存状态',
  'a gateway uses the state in {folder}, but {why}. Stop it, or make it reachable':
    '有网关正在使用 {folder} 中的状态，但{why}。请停止它，或让它可以访问',
  warning: '警告',
  '{words}. Add --yes to do it': '{words}。确认执行请加 --yes',
  reads: '读取',
  'buys (--yes)': '购买（--yes）',
  'changes (--yes)': '更改（--yes）',
  'deletes (--yes)': '删除（--yes）',
  required: '必填',
  'unproven: {why}': '未经验证：{why}',
  'Of other products, of no use to this one:': '属于其他产品，本产品用不到：',
  'more than {count} is not known to work': '超过 {count} 未经验证',
  secret: '机密',
  'default {value}': '默认 {value}',
  '1 call a second': '每秒 1 次',
  '{calls} calls a second': '每秒 {calls} 次',
  '1 call a minute': '每分钟 1 次',
  '{calls} calls a minute': '每分钟 {calls} 次',
  '1 call in {span}': '每 {span} 1 次',
  '{calls} calls in {span}': '每 {span} {calls} 次',
  'until {time}': '有效至 {time}',
  'not stated': '未说明',
  'done; the reply holds nothing else': '完成；应答没有其他内容',

  // route
  '{target} is no target: write HOST or HOST:PORT': '{target} 不是目标：请写成 HOST 或 HOST:PORT',
  '{target} by {method}, at port {port}': '{target}，方式 {method}，端口 {port}',
  ', user {name}': '，用户 {name}',
  'rule {number}': '规则 {number}',
  '--listen {port}: no port of the gateway has this number or name': '--listen {port}：网关没有这个号码或名称的端口',
  'the configuration has no routes': '配置中没有 routes',
  'no rule matches': '没有规则匹配',
  'leads to': '通向',
  'any provider': '任意供应商',
  'provider {name} (of this port)': '供应商 {name}（此端口的默认）',
  'provider {name} (of this user)': '供应商 {name}（此用户可用的）',
  'nothing: this user may use only {providers}, and is answered 403 GW_PROVIDER_NOT_ALLOWED':
    '无处：此用户只能使用 {providers}，会收到 403 GW_PROVIDER_NOT_ALLOWED',
  'direct: the target sees the address of this machine': '直连：目标会看到本机的地址',
  '; refused where it is a private address': '；目标是私有地址时拒绝',
  'block: the client is answered 403 GW_TARGET_BLOCKED': '拦截：客户端收到 403 GW_TARGET_BLOCKED',
  '{provider} (weight {weight})': '{provider}（权重 {weight}）',
  first: '首选',
  else: '其次',

  // vendor new
  'write a name of small letters, digits and -, as in acme': '请用小写字母、数字和 - 组成名称，例如 acme',
  '{folder} exists already': '{folder} 已存在',
  '{folder} cannot be made ({code})': '无法创建 {folder}（{code}）',
  'written:': '已生成：',
  'in gateway.yaml, under providers:': '在 gateway.yaml 的 providers: 下写：',

  // test-source, try
  'the URL to try begins with http:// or https:// and holds no login':
    '测试网址以 http:// 或 https:// 开头，且不含登录信息',
  '--yaml writes the entry of a pasted link: this provider has one already':
    '--yaml 用于输出链接的条目：这个供应商已有条目',
  '--product is for a link: a provider has its own': '--product 只用于链接：供应商条目已有自己的产品',
  'this is neither a link (http:// or https://) nor the name of a provider':
    '这既不是链接（http:// 或 https://），也不是供应商名称',
  'this is neither a proxy address (HOST:PORT) nor the name of a provider':
    '这既不是代理地址（HOST:PORT），也不是供应商名称',
  'this is no link (http:// or https://), and there is no {file} with a provider of this name':
    '这不是链接（http:// 或 https://）；也没有 {file} 可查找此名称的供应商',
  'this is no proxy address (HOST:PORT), and there is no {file} with a provider of this name':
    '这不是代理地址（HOST:PORT）；也没有 {file} 可查找此名称的供应商',
  'the link': '该链接',
  'there is no such provider': '没有这个供应商',
  'as many addresses as it brings': '地址数由它决定',
  'one address': '一个地址',
  '1 address': '1 个地址',
  '{count} addresses': '{count} 个地址',
  'one call to {what}, for {many}{cost}; no client is lent them': '调用一次 {what}，{many}{cost}；不会借给客户端',
  ' ({cost} at the configured price)': '（按配置的单价为 {cost}）',
  'of a vendor without a table of its own': '所属供应商没有专用接口表',
  'of an unknown vendor': '所属供应商未知',
  'of {vendor}': '属于 {vendor}',
  '{whose}, at {host}': '{whose}，地址 {host}',
  'called by the vendor’s table, with the account of the link and as many addresses as are needed':
    '按供应商的接口表调用，使用链接中的账户，按需提取',
  'signed: called as it is (addresses per call: {count}). With credentials: { key: ... } it is signed anew':
    '已签名：按原样调用，每次 {count} 个地址。配置 credentials: { key: ... } 后会重新签名',
  'called as it is; the format of its reply is recognised': '按原样调用；自动识别应答格式',
  '{name} (kept as it is)': '{name}（保持原样）',
  'an entry for this vendor, with as many addresses as are needed: {example}': '该供应商的按需提取条目示例：{example}',
  'without {names}: replies are requested in the format that Turnpike reads':
    '去掉 {names}：应答使用 Turnpike 可读的格式',
  'such a link may also be for {names}: the key product says which': '此类链接也可能属于 {names}：用 product 指明',
  ' and {count} that come later': '，另有 {count} 个稍后到达',
  ', counted in the budget of "{provider}"': '，计入 "{provider}" 的预算',
  '{found} after {seconds} s': '{found}，用时 {seconds} 秒',
  'and {count} more': '另有 {count} 个',
  'nothing: a list is read': '无：只是读取列表',
  '{balance}, according to the vendor': '{balance}（供应商报告）',
  'the addresses themselves were not tried: --try URL does it': '没有测试地址本身：可用 --try URL 测试',
  '{address} ({protocol}, by {library}) after {seconds} s': '{address}（{protocol}，{library}），用时 {seconds} 秒',
  'HTTP status {status} through {how}': 'HTTP 状态 {status}，经由 {how}',
  '{count} octets': '{count} 字节',
  'the proxy carries it. If the same request fails through Turnpike, please report that':
    '代理可用。如果同样的请求经 Turnpike 失败，请反馈给我们',
  'Turnpike had no part in it: the proxy, its login or the target is at fault':
    '与 Turnpike 无关：问题在代理、登录信息或目标',
  'the vendor': '供应商',
  endless: '不限时',
  'past its deadline already': '已过期',
  '{seconds} s': '{seconds} 秒',
  'addresses; set what you can afford': '单位：地址数；请按预算设置',
  'the reply tells no life: write how long an address really lives': '应答没有寿命信息：请写明地址的实际寿命',
  'unless the proxies know this machine by their whitelist': '代理已把本机加入白名单时不需要',
  'its addresses are private ones': '其地址是私有地址',
  'or {names}: the link does not tell': '或 {names}：从链接无法判断',
  '{name} of the link': '链接中的 {name}',
  'the whole link, in single quotes': '完整的链接，用单引号括起来',
  'with the key, as many addresses as are needed': '配置密钥后，可按需提取任意数量',
  'no login': '无需登录',
  'with {login}': '登录：{login}',
  'exit {address}': '出口 {address}',
  'a private address: its entry needs allowPrivate: true': '私有地址：条目需要 allowPrivate: true',
  'the reply holds no life and no ttl is configured: 60 s are assumed. Set ttl':
    '应答没有寿命信息，也没有配置 ttl：按 60 秒处理。请设置 ttl',
  'a life of more than 48 h: a wrong zone, clock or unit? Set ttl':
    '寿命超过 48 小时：时区、时钟或单位有误？请设置 ttl',
  'a deadline is past already: a wrong zone or clock? Set ttl': '到期时间已过：时区或时钟有误？请设置 ttl',
  'no login came or is configured: the proxies must know this machine by their whitelist, or add upstream: { username, password }':
    '没有收到也没有配置登录信息：代理必须已把本机加入白名单，否则请添加 upstream: { username, password }',
  link: '链接',
  'asks for': '参数',
  note: '注意',
  wrong: '错误',
  reply: '应答',
  'left out': '舍弃',
  cost: '费用',
  left: '余额',
  works: '可用',
  fails: '失败',
  so: '结论',
  'Windows cannot hand listening ports to another process: stop the gateway, then start it':
    'Windows 不能把监听端口交给另一个进程：请先停止网关，再启动',
  'with state: off there is nothing to take over: use state.path': 'state: off 时没有可接管的状态：请设置 state.path',
  'a takeover needs a shorter state.path: {place} is longer than {limit} octets':
    '接管需要更短的 state.path：{place} 超过 {limit} 字节',
  'the running gateway has one worker, and its ports cannot be shared: stop it and start the new one, or write workers: 1':
    '正在运行的网关只有一个 worker，它的端口不能由多个进程共用：请停止它再启动新的，或改为 workers: 1',
  'the running gateway could not hand over its ports': '正在运行的网关无法移交端口',
  'the running gateway cannot be taken over: {reason}': '无法接管正在运行的网关：{reason}',
  'the running gateway cannot be asked at {place} ({code})': '无法通过 {place} 联系正在运行的网关（{code}）',
  'the new process did not serve within {seconds} s and was ended: the running gateway continues':
    '新进程在 {seconds} 秒内没有开始服务，已被结束：正在运行的网关继续服务',
  'what listens at {place} is no gateway that can be taken over': '在 {place} 监听的不是可以接管的网关',
  'systemd listens at {address}, where the configuration has no port: make ListenStream= and listen (or admin) equal':
    'systemd 监听 {address}，而配置里没有这个端口：请让 ListenStream= 与 listen（或 admin）一致',
  '--reveal shows a password, so it works on a terminal only: not into a file or a pipe':
    '--reveal 会显示密码，因此只能在终端上使用，不能写入文件或管道',
} as const
