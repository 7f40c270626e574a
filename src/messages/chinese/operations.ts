/**
 * What the operations of vendors do and what their parameters mean, as `turnpike call PROVIDER` lists them. English description ->
 * Chinese description. Only the command line has them: with these texts the dashboard would be too large.
 */
import { paramTexts } from './operation-params.ts'

const operationTexts: Readonly<Record<string, string>> = {
  // juliangip
  'takes addresses': '提取地址',
  'tells which addresses still work': '检查哪些地址仍然有效',
  'tells the seconds left of addresses': '查询地址的剩余秒数',
  'tells how many addresses the order has left': '查询订单剩余的地址数量',
  'lists the whitelist of the order': '列出订单的白名单',
  'writes the whitelist anew; what others set is gone': '重写白名单；其他人设置的内容会丢失',
  'puts an address on the whitelist': '把一个地址加入白名单',
  'makes changes of the whitelist take effect': '使白名单的修改生效',
  // qg
  'takes addresses; each occupies a channel until its deadline': '提取地址；每个地址在到期前占用一个通道',
  'lists what the channels hold and fills the free ones': '列出通道中的地址，并填满空闲通道',
  'lists what the channels hold': '列出通道中的地址',
  'takes addresses out of a daily allowance': '从每日配额中提取地址',
  "takes addresses out of each minute's allowance": '从每分钟的配额中提取地址',
  'takes addresses, each paid for from a balance': '提取地址，每个都从余额扣费',
  'takes addresses for exclusive use': '提取独享的地址',
  'takes lines of one area for exclusive use; their addresses come later, from legacy/monopolies':
    '提取某一地区的独享线路；其地址稍后由 legacy/monopolies 给出',
  'takes addresses outside of China; each occupies a channel until its deadline':
    '提取境外地址；每个地址在到期前占用一个通道',
  'takes addresses outside of China, each paid for from a balance': '提取境外地址，每个都从余额扣费',
  'tells how many channels there are and how many are free': '查询通道总数和空闲通道数',
  'lists the areas that have addresses': '列出有地址的地区',
  'tells the balance': '查询余额',
  'lists the monopolised lines of the key, with the address of each that is online':
    '列出该 key 的独占线路，以及每条在线线路的地址',
  'adds addresses of this machine to the whitelist': '把本机的地址加入白名单',
  'removes addresses of this machine from the whitelist': '从白名单删除本机的地址',
  'lists the whitelist': '列出白名单',
  'tells under which address the vendor sees us': '查询供应商看到的本机地址',
  // qg-legacy
  'takes addresses for exclusive use; each occupies a channel until it expires or is released':
    '提取独享的地址；每个地址在到期或释放前占用一个通道',
  'gives addresses back and takes others': '释放地址并提取新的地址',
  'takes addresses of a shared plan': '提取共享套餐的地址',
  'gives addresses back before they expire; the gateway names one with each call':
    '在到期前释放地址；网关每次调用释放一个',
  'lists the addresses that are held': '列出当前持有的地址',
  'tells the balance of the account': '查询账户余额',
  'the document does not say how it is signed; the signature is that of a sibling call in a public client':
    '文档没有说明如何签名；此处采用公开客户端中同类接口的签名',
  'tells of the cloud servers of the account; their passwords are in the reply':
    '查询账户的云服务器；应答中含有它们的密码',
  'tells the price of a package': '查询套餐价格',
  'lists the packages of a brand': '列出某个品牌的套餐',
  'lists the lines of a brand': '列出某个品牌的线路',
  // smartproxy
  'lists the static addresses of the account; the document prints this path without the prefix':
    '列出账户的静态地址；文档中的路径不带前缀',
  'the same behind the prefix, where resellers have it; in their pages, not in the document':
    '同上，但路径带前缀，代理商采用这种路径；见于代理商的网页，文档中没有',
  'lists the cities that dynamic addresses come from': '列出动态地址所在的城市',
  'lists the cities of a state': '列出某个州的城市',
  'lists the states that dynamic addresses come from': '列出动态地址所在的州',
  'lists the states of a country': '列出某个国家的州',
  'lists the proxy accounts (user name, password, usage in KB, limit in GB)':
    '列出代理账户（用户名、密码、已用流量 KB、流量上限 GB）',
  'adds proxy accounts': '添加代理账户',
  'deletes proxy accounts for ever; for about 5 minutes they may still cost':
    '永久删除代理账户；此后约 5 分钟内仍可能计费',
  'disables proxy accounts; for about 5 minutes they may still cost': '停用代理账户；此后约 5 分钟内仍可能计费',
  'enables proxy accounts': '启用代理账户',
  'sets the password of a proxy account; for 5 minutes the old one may still work':
    '设置代理账户的密码；此后 5 分钟内旧密码可能仍有效',
  'sets the description of a proxy account': '设置代理账户的备注',
  'limits the traffic of a proxy account; the figures lag by 5 minutes, so more may be used':
    '限制代理账户的流量；统计延迟 5 分钟，因此可能超用',
  'tells the traffic of each day in KB; up to 5 minutes late': '查询每天的流量（KB）；最多延迟 5 分钟',
  'lists the packages that were bought and when they expire': '列出已购买的套餐及其到期时间',
  // ipipv
  'tells the balance of the app': '查询应用的余额',
  'lists areas as a tree': '以树形列出地区',
  'lists cities': '列出城市',
  'lists products with price and stock': '列出产品及其价格和库存',
  'lists the areas of a dynamic product': '列出动态产品的地区',
  'tells whether a certain address can be bought': '查询能否购买指定的地址',
  'buys instances or traffic; the vendor completes the order later': '购买实例或流量；订单随后继续处理',
  'buys one certain address; the vendor completes the order later': '购买指定的地址；订单随后继续处理',
  'buys more time for instances; the vendor completes the order later': '为实例续费；订单随后继续处理',
  'releases instances permanently; the vendor completes the order later': '永久释放实例；订单随后继续处理',
  'tells where instances stand': '查询实例的状态',
  'tells where an order stands, and its instances': '查询订单的状态及其实例',
  'makes or changes a main account of dynamic traffic': '创建或修改动态流量的主账号',
  'writes who stands behind a main account': '填写主账号的实名信息',
  'makes or changes a sub-account, whose name draws addresses': '创建或修改子账号；提取地址时使用其名称',
  'tells how much traffic is left': '查询剩余流量',
  'lists what traffic was used': '列出流量使用记录',
  'puts an address on the whitelist of a main account': '把一个地址加入主账号的白名单',
  "takes an address off the whitelist of a main account; the name of the vendor's public SDKs":
    '从主账号的白名单删除一个地址；接口名取自供应商的公开 SDK',
  'takes an address off the whitelist of a main account; as the document prints it':
    '从主账号的白名单删除一个地址；接口名与文档一致',
  'gives traffic or addresses back for money': '退还流量或地址并退款',
  'draws addresses with a login for each': '提取带登录信息的地址',
  'draws a link under which addresses are found': '获取一个可读取地址的链接',
  // demo
  'lists what the account holds now': '列出账户当前持有的地址',
  // generic and gateway
  'takes addresses by the call that the entry describes': '按该条目描述的调用提取地址',
  'lists what the account holds': '列出账户持有的地址',
  'gives an address back': '退还一个地址',
  'takes an address off the whitelist': '从白名单删除一个地址',
  'lists the addresses on the whitelist': '列出白名单中的地址',
  'tells what is left on the account': '查询账户余量',
  'brings the token that the other calls carry': '获取其他调用所用的令牌',
  'makes sessions by naming them': '通过命名创建会话',
}

export const descriptionTexts: Readonly<Record<string, string>> = { ...operationTexts, ...paramTexts }

/** @returns the description in Chinese; one that is unknown, as of a vendor package, stays as it is */
export function chineseDescription(english: string): string {
  return Object.hasOwn(descriptionTexts, english) ? (descriptionTexts[english] ?? english) : english
}
