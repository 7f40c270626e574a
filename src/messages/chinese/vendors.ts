/** Hints of vendors, and what the parameters of their calls may be (vendors/client/params.ts). */
export const vendorTexts = {
  'a key of the demo vendor ends with the process that made it': '演示供应商的 key 随生成它的进程结束而失效',
  'the made-up places are in docs/vendors/demo.md': '虚构的地点见 docs/vendors/demo.md',
  // ipipv
  'ipipv cannot read the call: is appSecret the one of this appKey?':
    'ipipv 无法解密请求：appSecret 是否属于这个 appKey？',
  'nothing was bought: top up at ipipv': '没有购买：请在 ipipv 充值',
  'nothing was bought: the product is out of stock': '没有购买：该产品库存不足',
  'nothing was bought: does productNo exist, and is it enabled?': '没有购买：productNo 是否存在、是否可以购买？',
  'look at the main account at ipipv': '请在 ipipv 查看主账户',
  'look at the main account at ipipv: it does not exist or is disabled': '请在 ipipv 查看主账户：它不存在或已被禁用',
  'top up at ipipv': '请在 ipipv 充值',
  'there is no such instance to renew': '要续费的实例不存在',
  'there is no such instance to release': '要释放的实例不存在',
  'too late to release it: never asked again': '已超过释放期限，不会再次请求',
  'there is no such instance: take it out of instances:': '实例不存在：请从 instances: 中去掉',
  'there is no such order: orderNo is ipipv’s own number, appOrderNo yours':
    '订单不存在：orderNo 是 ipipv 的编号，appOrderNo 是您自己的编号',
  'the account exists already': '账户已存在',
  'there is no such main account: correct appUsername': '主账户不存在：请更正 appUsername',
  'the sub-account exists already': '子账户已存在',
  'there is no such sub-account: correct appUsername': '子账户不存在：请更正 appUsername',
  'less traffic is left than is to be returned': '剩余流量少于要回收的流量',
  'correct addressCode: product/area lists what there is': '请更正 addressCode：可用的地区见 product/area',
  'sessTime is 1 to 120 minutes': 'sessTime 为 1 至 120 分钟',
  'copy appSecret again as ipipv gave it, without spaces': '请重新复制 ipipv 给出的 appSecret，不要带空格',
  'is appSecret the one of this appKey, and baseUrl that of the same environment (sandbox or production)?':
    'appSecret 是否属于这个 appKey？baseUrl 是否为同一环境（沙盒或生产）？',
  'put the egress address of this machine on the whitelist at ipipv': '请在 ipipv 把本机出口地址加入白名单',
  'ipipv tells of no refund: look at the order there': 'ipipv 没有说明退款：请在那里查看订单',
  'correct purchase: or renew: in gateway.yaml': '请更正 gateway.yaml 中的 purchase: 或 renew:',
  // juliangip
  'signature wrong: does this key belong to this trade_no?': '签名错误：这个 key 是否属于这个 trade_no？',
  'add the egress address of this machine to the order at juliangip, or set request: { auto_white: 1 }':
    '请在巨量IP把本机出口地址加入该订单，或设置 request: { auto_white: 1 }',
  'renew the order at juliangip': '请在巨量IP续费该订单',
  'the order has no addresses left: top up at juliangip': '订单已无剩余 IP：请在巨量IP充值',
  'fewer filters (area, isp, filter) find more': '减少筛选条件（area、isp、filter）可以得到更多',
  'compare request: with the table of docs/vendors/juliangip.md':
    '请对照 docs/vendors/juliangip.md 的参数表检查 request:',
  // qg
  'compare request: with the table of docs/vendors/qg.md': '请对照 docs/vendors/qg.md 的参数表检查 request:',
  'compare request: with the table of docs/vendors/qg-legacy.md':
    '请对照 docs/vendors/qg-legacy.md 的参数表检查 request:',
  'copy the key again from the product page at qg.net, and see whether it has expired':
    '请在 qg.net 的产品页重新复制 key，并查看它是否已过期',
  'renew the product at qg.net, or ask there why the key is banned': '请在 qg.net 续费该产品，或询问 key 被封禁的原因',
  'this key was bought for another product: correct product: in gateway.yaml':
    '这个 key 属于另一种产品：请更正 gateway.yaml 中的 product:',
  'the account protects its API: set credentials.pwd, or put the egress address of this machine on the API whitelist at qg.net':
    '该账户启用了 API 鉴权：请设置 credentials.pwd，或在 qg.net 把本机出口地址加入 API 白名单',
  'the account protects its API: correct credentials.Pwd': '该账户启用了 API 鉴权：请更正 credentials.Pwd',
  'ask qg.net why the key is blocked': '请询问 qg.net 该 key 被封禁的原因',
  'ask qg.net why the key is banned': '请询问 qg.net 该 key 被封禁的原因',
  'another host uses this key too? Set limit: { share: ... }':
    '是否有其他主机也在使用这个 key？请设置 limit: { share: ... }',
  'fewer filters (area, isp, distinct) find more': '减少筛选条件（area、isp、distinct）可以得到更多',
  'fewer filters (AreaId, Isp, Distinct) find more': '减少筛选条件（AreaId、Isp、Distinct）可以得到更多',
  'top up at qg.net': '请在 qg.net 充值',
  'every channel is occupied until an address expires': '所有通道都被占用，直到有地址到期',
  'every channel is occupied until an address expires; is channels: right?':
    '所有通道都被占用，直到有地址到期；channels: 是否正确？',
  'every channel is occupied until an address expires or is released': '所有通道都被占用，直到有地址到期或被释放',
  "today's allowance is used up: tomorrow (China), or a larger plan":
    '今天的提取配额已用完：请等到明天（北京时间），或升级套餐',
  "this minute's allowance is used up: the next minute, or a larger plan":
    '这一分钟的提取配额已用完：请等到下一分钟，或升级套餐',
  'the document does not say which quota: see the product page at qg.net':
    '文档没有说明是哪种配额：请查看 qg.net 的产品页',
  'the whitelist at qg.net is full: take an address off': 'qg.net 的白名单已满：请删除一个地址',
  'this address is on the whitelist of another key at qg.net': '该地址已在 qg.net 另一个 key 的白名单中',
  'addresses of this product can be released after 24 hours': '该产品的地址 24 小时后才能释放',
  'addresses of this product can be released after 12 hours': '该产品的地址 12 小时后才能释放',
  'an address can be changed every 10 seconds': '每 10 秒才能更换一次地址',
  'put the egress address of this machine on the whitelist at qg.net': '请在 qg.net 把本机出口地址加入白名单',
  'renew the plan at qg.net': '请在 qg.net 续费套餐',
  'a minute allows channels * 2 addresses to be given back': '每分钟最多释放 通道数 * 2 个地址',
  'more addresses were asked for than the plan has channels: correct channels: in gateway.yaml':
    '请求的地址数超过套餐的通道数：请更正 gateway.yaml 中的 channels:',
  'add appid and appkey of your account at qg.net to credentials:':
    '请在 credentials: 中加入您在 qg.net 的 appid 和 appkey',
  'are appid and appkey those of this account? The signature is unproven':
    'appid 和 appkey 是否属于这个账户？该签名未经证实',
  // smartproxy
  'copy app_key again from your personal page; is baseUrl the one of this reseller?':
    '请在个人主页重新复制 app_key；baseUrl 是否为该代理商的地址？',
  'verify the account in the dashboard: without that its calls are refused': '请在控制台完成实名认证：否则调用会被拒绝',
  'put the egress address of this machine on the allow list in the dashboard': '请在控制台把本机出口地址加入白名单',
  'put this machine on the allow list': '请把本机加入白名单',
  'fewer filters (cc, state, city) find more': '减少筛选条件（cc、state、city）可以得到更多',
  'renew the package': '请续费套餐',
  'top up the package': '请为套餐充值',
  'see the dashboard': '请查看控制台',
  // Any vendor, and pasted links
  'check baseUrl: http or https, the host, the path prefix': '请检查 baseUrl：http 或 https、主机、路径前缀',
  'does another machine or program use this link too? Set limit: { share: ... }':
    '是否有其他机器或程序也在使用这个链接？请设置 limit: { share: ... }',
  'put the egress address of this machine on the whitelist on the vendor’s page':
    '请在供应商网页把本机出口地址加入白名单',
  'renew the plan at the vendor, then make the link anew': '请在供应商处续费套餐，然后重新生成链接',
  'fewer filters in the link (place, carrier) find more': '减少链接中的筛选条件（地区、运营商）可以得到更多',
  'the account has nothing left, for now or at all: see the vendor’s page': '账户暂时或已经没有余量：请查看供应商网页',
  'the link is refused: is it whole, and still the one of this account?':
    '链接被拒绝：它是否完整，是否仍属于这个账户？',
  'make the link anew on the vendor’s page': '请在供应商网页重新生成链接',
  'is the link whole? A page comes for a path that does not exist, for a login that is missing, and from whatever stands in the way':
    '链接是否完整？路径不存在、缺少登录信息或被中间设备拦截时，返回的是网页',
  'the vendor’s page or support can say what it means': '请查看供应商网页或咨询其客服',
  // Parameters
  'is not a parameter of this call': '不是此调用的参数',
  'is not a parameter of this call, which takes {names}': '不是此调用的参数；可用：{names}',
  'comes from the credentials': '取自 credentials，不能填写',
  'needs one of {names}': '需要以下之一：{names}',
  'is not one of {names}': '不是以下之一：{names}',
  'it goes with {name}': '须与 {name} 一起给出',
  'a JSON array of {min} or more objects with {names}': 'JSON 数组，至少含 {min} 个对象，键为 {names}',
  '{name} is more than is known to work ({max}); the document states no limit':
    '{name} 超过已知可用的值（{max}）；文档没有说明上限',
  text: '文本',
  'an integer': '整数',
  'an integer from {min}': '不小于 {min} 的整数',
  'an integer to {max}': '不大于 {max} 的整数',
  'an integer from {min} to {max}': '{min} 到 {max} 的整数',
  'true or false': 'true 或 false',
  'true or false, {choices}': 'true 或 false，或 {choices}',
  'one of {choices}': '可选值：{choices}',
  'a comma-separated list': '以逗号分隔的列表',
  'a comma-separated list of {what}': '以逗号分隔的列表：{what}',
  'a JSON array of objects': 'JSON 对象数组',
  '{what} from {min} characters long': '{what}，至少 {min} 个字符',
  '{what} to {max} characters long': '{what}，最多 {max} 个字符',
  '{what} from {min} to {max} characters long': '{what}，{min} 到 {max} 个字符',
  '{what} to {max} Latin characters long (a Chinese one counts as two)': '{what}，最多 {max} 个拉丁字符（汉字算两个）',
  'a time written as 2022-08-01 00:00:00': '时间，格式为 2022-08-01 00:00:00',
  times: '时间',
  'an IP address': 'IP 地址',
  'IP addresses': 'IP 地址',
  'an IP address, or * for all': 'IP 地址，或用 * 表示全部',
  'IP addresses, or * for all': 'IP 地址，或用 * 表示全部',
  'an address block written as 192.168.0.0/24': '网段，格式为 192.168.0.0/24',
  'address blocks': '网段',
  'letters and digits only': '仅限字母和数字',
  'names of letters and digits only': '仅含字母和数字的名称',
  'name:password, of letters and digits only': 'name:password，仅限字母和数字',
  'a term as 2s (hours), 1d, 1w or 1m': '时长，例如 2s（小时）、1d、1w 或 1m',
  terms: '时长',
} as const
