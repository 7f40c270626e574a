/** Help of the command line, and messages about wrong arguments. */
export const helpTexts = {
  'A local rotating forward proxy: any program, one port, a live pool of short-lived paid proxies.':
    '本地轮换正向代理：任何程序、一个端口、一个由短效付费代理组成的实时地址池。',
  'print the version': '显示版本',
  'print this help': '显示此帮助',
  'print the help of a command': '显示某个命令的帮助',
  '(turnpike --help lists the commands)': '（turnpike --help 列出所有命令）',
  '(turnpike {name} --help shows how it is used)': '（用法见 turnpike {name} --help）',
  'Usage:': '用法：',
  'Arguments:': '参数：',
  'Options:': '选项：',
  'Commands:': '命令：',
  'Examples:': '示例：',
  'default: {value}': '默认：{value}',
  [`The configuration is ./gateway.yaml unless --config names another file. It says where to listen, whose addresses to use and how
many to buy. "\${NAME}" in a value is filled from the environment, else from the file .env beside the configuration.

Signals: SIGHUP reloads the file. SIGINT (Ctrl-C) and SIGTERM stop accepting and let open connections finish for stop.drain; a
second one, more than a second later, ends at once.

Exit codes: 0 success, 1 something failed, 2 a mistake in the configuration or on the command line.`]: `配置文件默认是 ./gateway.yaml，可用 --config 指定其他文件。它规定在哪里监听、使用哪家供应商的地址、购买多少。
值中的 "\${NAME}" 取自环境变量，其次取自配置文件旁边的 .env 文件。

信号：SIGHUP 重新加载配置。SIGINT（Ctrl-C）和 SIGTERM 停止接受新连接，并在 stop.drain 时间内等待已打开的连接结束；
一秒之后再次收到信号则立即结束。

退出码：0 成功，1 失败，2 配置或命令行有错误。`,
  'write ./gateway.yaml for your vendor': '为您的供应商生成 ./gateway.yaml',
  'run the gateway': '运行网关',
  'use it (gateway.yaml as shipped)': '使用网关（自带的 gateway.yaml）',
  'watch it': '实时查看',
  'the help of one command': '查看某个命令的帮助',

  'run the gateway until a signal stops it': '运行网关，直到收到停止信号',
  'listen on this port instead of the first port of the configuration': '用此端口代替配置中的第一个端口',
  'run the gateway of ./gateway.yaml': '运行 ./gateway.yaml 的网关',
  'run the gateway of another file': '运行其他配置文件的网关',
  'when port 8080 is in use': '端口 8080 被占用时',
  'take ports and state over from the gateway that runs on the same state folder':
    '从使用同一个 state 目录、正在运行的网关接管端口和状态',
  'another version takes over: no client is refused': '由新版本接管：不会拒绝任何客户端',

  'check a configuration and show what it would do': '检查配置，并显示它的作用',
  'check ./gateway.yaml': '检查 ./gateway.yaml',
  'check a file before it is used': '在使用之前检查文件',
  'make a running gateway read its configuration again': '让正在运行的网关重新读取配置',
  'a changed file takes effect; open connections go on': '修改后的文件生效；已打开的连接不受影响',
  'let a provider that has stopped or waits try again at once': '让已停止或等待中的供应商立即重试',
  'name of the provider in the configuration': '配置中的供应商名称',
  'after the key was corrected at the vendor': '在供应商处更正密钥之后',

  'write a configuration for a vendor, and .env.example with its variables':
    '为某个供应商生成配置，以及列出其环境变量的 .env.example',
  'vendor, instead of the question': '直接指定供应商，不再询问',
  'product of the vendor, instead of the question': '直接指定产品，不再询问',
  'asks for vendor and product': '询问供应商和产品',
  'asks nothing': '不询问',
  'answers from a pipe': '从管道读取答案',

  'add a provider to the configuration, from an extraction link': '用提取链接在配置中添加供应商',
  "a link from a vendor's page, or - for standard input": '供应商页面上的提取链接，或用 - 从标准输入读取',
  'name of the provider; default: the name of the vendor': '供应商条目的名称；默认用供应商的名字',
  'product that the link is for, if the link does not say': '链接所属的产品（链接本身看不出来时）',
  [`Comments and everything else in the file stay as they are. Secrets of the link are written to the file .env beside the
configuration and never printed. Nothing is called. A link is a secret: use - and standard input to keep it out of the history of
the shell.`]: `文件中的注释和其他内容保持不变。链接中的密钥写入配置文件旁边的 .env 文件，绝不显示。不会调用链接。
链接本身就是机密：请用 - 从标准输入读取，以免留在 shell 历史记录中。`,
  'add the link in a file': '添加文件中的链接',
  'with a name and a product': '指定名称和产品',

  'make a package for a vendor that turnpike does not have': '为 turnpike 尚不支持的供应商创建软件包',
  'write a package with table, examples and test into this folder': '在当前目录生成包含接口表、示例和测试的软件包',
  'name of the vendor, as in acme': '供应商名称，例如 acme',
  'writes ./turnpike-vendor-acme/': '生成 ./turnpike-vendor-acme/',

  'show which rule of routes matches a target, and where it leads': '显示目标匹配 routes 的哪条规则、通向哪里',
  'HOST or HOST:PORT; default port: 443': 'HOST 或 HOST:PORT；默认端口 443',
  'account name of the client': '客户端的用户名',
  'number or name of the port of the gateway; default: the first one': '网关端口的号码或名称；默认第一个',
  'how the client connects': '客户端的连接方式',
  'HTTPS through the first port': '经第一个端口访问 HTTPS',
  'plain HTTP of one user': '某个用户的普通 HTTP 请求',

  'show the state of a running gateway and of its providers': '显示正在运行的网关及其供应商的状态',
  'print JSON': '输出 JSON',
  'show it live until Ctrl-C': '实时显示，按 Ctrl-C 结束',
  'exit code 0 when the gateway is ready, else 1': '网关就绪时退出码为 0，否则为 1',
  'verdict, rates, pool and providers, every second': '每秒刷新结论、速率、地址池和供应商',
  'for programs': '供程序使用',

  'call a pasted link or a provider once, and show what it brings': '调用一次链接或供应商，显示得到的内容',
  "a link from a vendor's page, the name of a provider, or - for standard input":
    '供应商页面上的链接、供应商条目的名称，或用 - 从标准输入读取',
  [`Recognises the vendor of a link, makes one call for as few addresses as possible, and shows what the reply says, what it costs
and what is wrong. No client is lent these addresses. The call goes through the running gateway, within its limits and budget; without
a running gateway it uses the state folder. A link is a secret: use - and standard input.
Exit code 1: no addresses came.`]: `识别链接属于哪家供应商，以尽可能少的地址数调用一次，并显示应答内容、费用和问题。这些地址不会借给客户端。
调用经由正在运行的网关，计入其限速和预算；没有运行的网关时使用状态目录。链接是机密：请用 - 从标准输入读取。
退出码 1：没有得到地址。`,
  'what a link brings': '查看链接得到什么',
  'and its entry for gateway.yaml': '并输出 gateway.yaml 的条目',
  'a provider, and one request through its address': '测试供应商，并经其地址发送一个请求',
  'write the entry for gateway.yaml to standard output': '把 gateway.yaml 的条目写到标准输出',
  'request this URL through the first address, with a library that is not Turnpike':
    '用与 Turnpike 无关的库，经第一个地址请求此网址',
  'make no call: only show what the link is': '不调用：只显示链接是什么',

  'request a URL through one proxy address, without Turnpike': '不经 Turnpike，用一个代理地址请求网址',
  'an address, the name of a provider, or - for standard input': '代理地址、供应商条目的名称，或用 - 从标准输入读取',
  [`A second opinion: one GET through the proxy with libraries that are no part of Turnpike (undici, socks), so that you see whether the
proxy or Turnpike is at fault. An address is host:port, host:port:user:password or a URL, as in socks5://user:password@host:port; give
one with a login on standard input, with - in its place. For the name of a provider one call brings an address first, as test-source
does.
Exit code 1: the proxy did not carry the request.`]: `旁证：用不属于 Turnpike 的库（undici、socks）经该代理发送一个 GET，以判断问题出在代理还是 Turnpike。
地址写成 host:port、host:port:user:password 或网址，例如 socks5://user:password@host:port；带登录信息的请用 - 从标准输入读取。
如果给出供应商条目的名称，会像 test-source 那样先调用一次取得地址。
退出码 1：代理没有完成请求。`,
  'a proxy without a login': '无需登录的代理',
  'a proxy with a login': '需要登录的代理',
  'URL to request': '要请求的网址',

  "call an operation of a provider's vendor, or list the operations": '调用供应商的接口，或列出所有接口',
  'as listed': '列表中的接口名',
  "name=value, in the vendor's own names": '供应商自己的参数，写成 name=value',
  'show, on a terminal, a password that the vendor makes up for this call': '在终端上显示供应商为这次调用生成的密码',
  "list the areas or lines of a provider's vendor, as values for request":
    '列出供应商的地区或线路，即 request 可用的取值',
  'only those with these words': '只列出含有这些文字的',
  'confirm an operation that buys, changes or deletes something': '确认执行会购买、更改或删除的接口',
  [`Without an operation, lists the provider's operations with their parameters. An operation that buys, changes or deletes something
needs --yes. The call goes through the running gateway, within its limits and budget; without a running gateway it uses the state
folder. A value of - is read from standard input, for secrets. Secrets are shown as ***.`]: `不给出接口名时，列出该供应商的接口及参数。会购买、更改或删除的接口需要 --yes。
调用经由正在运行的网关，计入其限速和预算；没有运行的网关时使用状态目录。值为 - 时从标准输入读取，用于机密。机密显示为 ***。`,
  'list the operations of the vendor of the provider qg': '列出供应商条目 qg 的接口',
  'call one': '调用其中一个',
  'buy two addresses': '购买两个地址',
  'A port is a number from 0 to 65535.': '端口是 0 到 65535 的数字。',
  'configuration file': '配置文件',

  'there is no option {name}.': '没有选项 {name}。',
  '{name} and {other} exclude each other.': '{name} 与 {other} 不能同时使用。',
  'there is no command {name}.': '没有命令 {name}。',
  'the argument {name} is missing.': '缺少参数 {name}。',
  'the option {name} needs a value.': '选项 {name} 需要一个值。',
  'too many arguments: {given} instead of {expected}.': '参数过多：给出 {given} 个，应为 {expected} 个。',
  'the value of {name} is not valid. {why}': '{name} 的值无效。{why}',
  'It is one of {names}.': '可选值：{names}。',
  'Did you mean {names}?': '您是指 {names} 吗？',
} as const
