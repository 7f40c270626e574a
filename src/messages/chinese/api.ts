/** Chinese for the summaries of the operations of the admin API, as the dashboard lists them. */
export const apiTexts = {
  'Whether the process answers': '进程是否应答',
  'Whether the gateway can serve clients': '网关能否为客户端服务',
  'Metrics in the Prometheus text format': 'Prometheus 文本格式的指标',
  'The routes as a proxy auto-configuration file, for browsers':
    '供浏览器使用的代理自动配置（PAC）文件，内容来自 routes',
  'This document': '本文档',
  'Every upstream in the pool': '地址池中的所有上游',
  'Every provider': '所有供应商',
  'Where clients connect, and who may change something': '客户端的连接端口，以及谁可以更改',
  'The configuration in force; secrets are ***': '当前生效的配置；机密显示为 ***',
  'What is wrong with the text of a configuration; nothing is applied': '检查一段配置文本的错误；不会应用任何更改',
  'Reads the configuration file again and applies it; a file with mistakes changes nothing':
    '重新读取并应用配置文件；文件有错误时不做任何更改',
  'Sends one request through a port of the gateway, as a client would': '像客户端一样，经网关端口发送一个请求',
  'The state of the gateway in one sentence, with its remedy': '用一句话说明网关的状态，并给出处理办法',
  'Open connections and the last 10,000 closed ones, with the tries of each':
    '打开的连接和最近 10,000 个已关闭的连接，以及各自的尝试过程',
  'Ends a connection of a client; nothing is blamed for it': '断开客户端的一个连接；不计为任何一方的失败',
  'Sessions, and the upstream that each lives on': '会话及其使用的上游',
  'Lets the next connection of a session get another upstream': '让会话的下一个连接更换上游',
  'The last hour, one value every ten seconds': '最近一小时的数据，每十秒一个值',
  'Server-sent events: everything once, then what changes, once a second':
    '服务器推送事件（SSE）：先发送全部数据，之后每秒发送变化',
  'Lends addresses to a program that connects to them itself': '把地址借给自行连接的程序',
  'Gives an address back before its time': '提前归还地址',
  'One address, as jhao104/proxy_pool gives it': '按 jhao104/proxy_pool 的格式返回一个地址',
  'The same, and no other client is lent it meanwhile': '同上，且期间不借给其他客户端',
  'All addresses that can be lent now, as jhao104/proxy_pool lists them':
    '按 jhao104/proxy_pool 的格式列出当前可借出的所有地址',
  'Reports an address that does not work: it is not lent for 10 minutes': '报告不可用的地址：10 分钟内不再借出',
  'How many addresses the client could be lent now': '当前可借给该客户端的地址数',
  'Reports that a target has banned an upstream': '报告某个目标封禁了某个上游',
  'Orders addresses now, whatever the demand': '立即购买地址，不论是否有需求',
  'Lends an upstream to no new client for a while': '一段时间内不把该上游借给新的客户端',
  'Takes an upstream out of the pool; its open tunnels run on': '把上游移出地址池；已打开的隧道不受影响',
  'Stops buying from a provider; what is held is lent on': '停止向该供应商购买；已持有的地址继续借出',
  'Ends the pause of an operator': '结束操作者的暂停',
  'Ends the pause of a provider that has stopped or waits': '让已停止或等待中的供应商立即重试',
  "Calls an operation of the provider's vendor": '调用供应商的接口',
  'Asks the vendor for its places or lines, as values for request:': '查询供应商的地区或线路，即 request: 可用的取值',
  'Calls a provider, or a pasted link, once, to see what it brings': '调用一次供应商或提取链接，查看得到的内容',
} as const
