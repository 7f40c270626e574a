/** Messages about mistakes and risky settings in the configuration, from src/config and the vendors. */
export const configurationTexts = {
  // The file
  'there is no such file: "turnpike init" writes one, --config FILE names another':
    '文件不存在：可用 "turnpike init" 生成，或用 --config FILE 指定其他文件',
  'there is no such file: a part of this path is a file, not a folder': '文件不存在：路径中的某一部分是文件而不是目录',
  'this is a folder: name the file in it with --config FILE': '这是目录：请用 --config FILE 指定其中的文件',
  'this user may not read the file': '当前用户无权读取该文件',
  'the file cannot be read ({code})': '无法读取文件（{code}）',
  'the file is larger than 1 MiB: this is not a configuration': '文件超过 1 MiB：这不是配置文件',
  'the file is not UTF-8 text: save it as UTF-8': '文件不是 UTF-8 文本：请保存为 UTF-8',
  'the file is empty: it needs at least "providers:"; gateway.yaml shows how':
    '文件是空的：至少需要 "providers:"，可参考 gateway.yaml',
  'there is no such file (paths are relative to the configuration)': '文件不存在（路径相对于配置文件）',
  'the environment variable {name} is not set': '环境变量 {name} 未设置',
  'after ${ comes the name of a variable and }; write $${ for the two characters themselves':
    '${ 后面应是变量名和 }；要表示这两个字符本身请写 $${',

  // YAML
  'an alias (*name) cannot have an anchor or a tag of its own': '别名（*name）不能再带锚点或标签',
  'this is not a name for an anchor or an alias; text that begins with & or * needs quotes':
    '这不是锚点或别名的名称；以 & 或 * 开头的文本需要引号',
  'this tag does not fit here; leave it out': '此处不能用这个标签，请删除',
  'this %-line is not understood; leave it out': '无法识别这个 % 行，请删除',
  'inside "double quotes" a backslash begins an escape; write \\\\ for a backslash, or use single quotes':
    '双引号内的反斜杠表示转义；要表示反斜杠请写 \\\\，或改用单引号',
  'the indentation does not fit the lines around it': '缩进与前后各行不一致',
  'an anchor or a tag belongs behind the - : or ? before it': '锚点或标签应放在前面的 - : 或 ? 之后',
  'text that begins with this character needs quotes': '以这个字符开头的文本需要引号',
  'one line holds one key; text with ": " in it needs quotes': '一行只能有一个键；含有 ": " 的文本需要引号',
  'inside { } or [ ] everything is written with commas, without indented lists or keys':
    '{ } 或 [ ] 内用逗号分隔，不能用缩进的列表或键',
  'this key is longer than 1024 characters': '键超过 1024 个字符',
  'a key must be on one line and end with a colon': '键必须在一行内并以冒号结尾',
  'something is missing before this': '此处之前缺少内容',
  'a value has one anchor at most': '一个值最多有一个锚点',
  'one file holds one configuration: remove the second ---': '一个文件只能有一份配置：请删除第二个 ---',
  'a value has one tag at most': '一个值最多有一个标签',
  'a key must be plain text': '键必须是普通文本',
  'this is nested too deeply': '嵌套过深',
  'a tab indents here; YAML wants spaces': '此处用了制表符缩进；YAML 要求用空格',
  'this tag is not known; text that begins with ! needs quotes': '未知的标签；以 ! 开头的文本需要引号',
  'this does not belong here; is a quote, a comma or a bracket wrong before it?':
    '此处不应出现这个内容；前面的引号、逗号或括号是否有误？',
  'a quote is opened here and never closed': '此处的引号没有闭合',
  'a bracket is opened here and never closed, or closed before its lines are indented':
    '此处的括号没有闭合，或括号内各行的缩进不对',
  'a comment needs a space before its #': '注释的 # 前面需要空格',
  'a space is missing after the colon': '冒号后面缺少空格',
  'a comma is missing before this': '此处之前缺少逗号',
  'write a port, or a range of ports, as in 10001-10100': '请写一个端口，或一段端口，例如 10001-10100',
  'a key is followed by a colon': '键后面应有冒号',
  'a list item begins with "- "': '列表项以 "- " 开头',
  'between { } and [ ] a placeholder needs quotes, as in "${NAME}"': '在 { } 和 [ ] 中，占位符需要引号，例如 "${NAME}"',
  'this is not YAML': '这不是 YAML',
  'the key {name} is given twice': '键 {name} 重复',
  'the colon behind this key is the full-width ： of Chinese typing; write : and a space':
    '键后面是全角冒号“：”；请改为半角 : 加空格',
  'a full-width or no-break space indents here; YAML wants plain spaces':
    '此处用了全角空格或不间断空格缩进；YAML 要求用普通空格',
  'the comma between these keys is the full-width ， of Chinese typing; write , and a space':
    '这些键之间是全角逗号“，”；请改为半角 , 加空格',
  'a space is missing behind the dash: a list item begins with "- "': '短横线后面缺少空格：列表项以 "- " 开头',
  'there are more than {count} aliases': '别名超过 {count} 个',
  'there is no anchor of this name above': '上文没有这个名称的锚点',
  'this alias lies inside its own anchor': '别名位于它自己的锚点之内',
  '<< takes a map, an alias of one, or a list of those': '<< 后面应是映射、映射的别名或其列表',
  'the aliases of this file unfold to too much': '文件中的别名展开后过大',

  // Keys and values
  'unknown key': '未知的键',
  'did you mean {name}? Otherwise write one of {choices}': '您是指 {name} 吗？否则请写以下之一：{choices}',
  'did you mean {name}?': '您是指 {name} 吗？',
  'known here: {names}': '此处可用：{names}',
  'none is known here': '此处没有可用的键',
  'is missing': '缺少此项',
  'is empty': '是空的',
  'write one of {choices}': '请写以下之一：{choices}',
  'write {choices}': '请写 {choices}',
  'a text': '文本',
  'a number': '数字',
  'a list': '列表',
  'a group of keys': '一组键',
  'give it a value': '请填写值',
  'add an entry': '请添加条目',
  'give it a value or remove the key': '请填写值或删除这个键',
  "name who sells the addresses (docs/vendors/README.md), or paste a link from the vendor's page as url":
    '请指明供应商（见 docs/vendors/README.zh-CN.md），或把供应商页面上的链接写在 url 中',
  'must be text': '必须是文本',
  'must be text: put it in quotes': '必须是文本：请加引号',
  'must be a whole number': '必须是整数',
  'must be a number': '必须是数字',
  'must be true or false': '必须是 true 或 false',
  'must hold keys, one per line, indented': '应包含键，每行一个并缩进',
  'must be a list': '必须是列表',
  '{words}, written in the file without quotes (text from the environment stays text)':
    '{words}，并在文件中不加引号（来自环境变量的值始终是文本）',
  'is not valid here': '此处无效',
  'must be at least {min}': '不能小于 {min}',
  'must be more than {min}': '必须大于 {min}',
  'must be at most {max}': '不能大于 {max}',
  'must be less than {max}': '必须小于 {max}',
  'needs at least {count} entry': '至少需要 {count} 项',
  'needs at least {count} entries': '至少需要 {count} 项',
  'takes at most {count} entry': '最多 {count} 项',
  'takes at most {count} entries': '最多 {count} 项',
  'write a unit, as in 30s': '请写单位，例如 30s',
  'write a unit, as in 30s, or {words}': '请写单位，例如 30s，或写 {words}',
  'write a whole number and a unit (ms, s, m, h, d), as in 500ms, 30s or 10m':
    '请写整数和单位（ms、s、m、h、d），例如 500ms、30s 或 10m',
  'write a whole number and a unit (ms, s, m, h, d), as in 500ms, 30s or 10m, or {words}':
    '请写整数和单位（ms、s、m、h、d），例如 500ms、30s 或 10m，或写 {words}',
  'write a size, as in 16KiB, 1MiB or 65536': '请写大小，例如 16KiB、1MiB 或 65536',
  'must be at least {min} bytes': '不能小于 {min} 字节',
  'must be at most {max} bytes': '不能大于 {max} 字节',
  'must be at most {max} bytes long': '长度不能超过 {max} 字节',
  'a gateway of a cluster is one process: write workers: 1, and start one gateway for each core with listen[].shared: true (docs/operate/scale.md)':
    '集群中的一个网关只有一个进程：请写 workers: 1，并用 listen[].shared: true 为每个核心启动一个网关（docs/operate/scale.md）',
  'only gateways of one cluster can share a port: add cluster, or write workers: auto in place of shared':
    '只有同一集群的网关才能共用端口：请加上 cluster，或去掉 shared 改写 workers: auto',
  'is an empty list': '是空列表',
  'add an entry, or remove the key': '请添加一项或删除这个键',
  'holds a line break or another control character': '含有换行或其他控制字符',
  'write an address of this machine, as in 127.0.0.1, ::1 or localhost':
    '请写本机的地址，例如 127.0.0.1、::1 或 localhost',
  'write an address or a block, as in 192.168.1.20, 10.0.0.0/8 or fd00::/8':
    '请写地址或网段，例如 192.168.1.20、10.0.0.0/8 或 fd00::/8',
  'write an IP address, as in 203.0.113.7': '请写 IP 地址，例如 203.0.113.7',
  'write a host, as in www.example.com, *.example.com or *': '请写主机名，例如 www.example.com、*.example.com 或 *',
  'write an address that begins with http:// or https://': '请写以 http:// 或 https:// 开头的地址',
  'a login does not belong in this address': '这个地址中不能含登录信息',
  'leave out everything from ? or # on': '请去掉 ? 或 # 之后的内容',
  'write a link that begins with http:// or https://': '请写以 http:// 或 https:// 开头的链接',
  'a name cannot hold an option such as -session- or -country-: clients could not tell it from one':
    '名称中不能含有 -session-、-country- 之类的选项：客户端会把它当作选项',
  'choose another name: in reports and metrics direct means connections through no upstream':
    '请换一个名称：在报告和指标中 direct 表示不经上游的连接',
  'use letters, digits, dots, hyphens and underscores, at most 64, beginning with a letter or a digit':
    '请用字母、数字、点、连字符和下划线，最多 64 个字符，以字母或数字开头',
  'a user name cannot hold a colon: in a Basic login the password begins there':
    '用户名中不能有冒号：Basic 登录中冒号之后是密码',
  'the shortest life comes first': '请把最短寿命写在前面',
  'begin with / and make it 16 or more letters and digits long': '请以 / 开头，由 16 个以上的字母和数字组成',

  // Contradictions between keys
  'another provider has this name already': '已有同名的供应商条目',
  'another user of this port has this name already': '此端口已有同名用户',
  'another group has this name already': '已有同名的组',
  'no {kind} has this name': '没有这个名称的{kind}',
  '{kind}s here: {names}': '现有的{kind}：{names}',
  group: '组',
  provider: '供应商',
  '{owner} listens on this port already': '{owner} 已在监听此端口',
  'is empty, and other machines can reach this port: set a password, or add an allow-list of client addresses':
    '是空的，而其他机器可以访问此端口：请设置密码，或添加客户端地址的 allow 列表',
  'other machines can reach this port: add users, or an allow-list of client addresses':
    '其他机器可以访问此端口：请添加 users，或添加客户端地址的 allow 列表',
  'this allows everybody, and other machines can reach this port: add users, or allow less':
    '这里允许所有地址，而其他机器可以访问此端口：请添加 users，或缩小允许范围',
  'other machines can reach the admin port: add a token': '其他机器可以访问管理端口：请添加 token',
  'is above pool.ceiling ({ceiling})': '大于 pool.ceiling（{ceiling}）',
  'is longer than health.maxRest': '大于 health.maxRest',
  'is longer than supply.maxBackoff': '大于 supply.maxBackoff',
  'a static provider takes exactly one of list, file and url': 'static 供应商只能使用 list、file、url 之一',
  'a password needs a username beside it': '有密码时还需要 username',
  'no address would ever be lent: this life, less pool.margin, is not longer than pool.minLife':
    '任何地址都无法借出：此寿命减去 pool.margin 后不大于 pool.minLife',
  '{problem}; paths are relative to the configuration': '{problem}；路径相对于配置文件',
  'the key does not belong to the certificate': '私钥与证书不匹配',
  'one of the two files is missing': '两个文件中缺少一个',
  'they are not a certificate and its key without a password, in PEM ({code})':
    '它们不是 PEM 格式的证书及其无密码私钥（{code}）',
  'they cannot be read ({code})': '无法读取（{code}）',

  // Routes and groups
  'write where it goes: provider NAME, group NAME, direct or block':
    '请写去向：provider 名称、group 名称、direct 或 block',
  'write a block of addresses, as in 10.0.0.0/8 or fd00::/8': '请写网段，例如 10.0.0.0/8 或 fd00::/8',
  'write a host, as in www.example.com, *.example.com, *, 192.0.2.7 or 10.0.0.0/8':
    '请写主机，例如 www.example.com、*.example.com、*、192.0.2.7 或 10.0.0.0/8',
  'write a port or a range of ports, as in 443 or 8000-8999': '请写端口或端口范围，例如 443 或 8000-8999',
  'write DOMAIN,name,TARGET, DOMAIN-SUFFIX,name,TARGET, DOMAIN-KEYWORD,text,TARGET, IP-CIDR,block,TARGET, DST-PORT,port,TARGET or MATCH,TARGET':
    '请写 DOMAIN,name,TARGET, DOMAIN-SUFFIX,name,TARGET, DOMAIN-KEYWORD,text,TARGET, IP-CIDR,block,TARGET, DST-PORT,port,TARGET 或 MATCH,TARGET',
  '{kind} takes a name, as in www.example.com': '{kind} 后面是域名，例如 www.example.com',
  'DOMAIN-KEYWORD takes a part of a name: letters, digits, dots, hyphens':
    'DOMAIN-KEYWORD 后面是域名的一部分：字母、数字、点、连字符',
  'write keys, exactly one of them provider or group': '请写若干键，其中 provider 与 group 只能有一个',
  'a fallback is provider NAME or group NAME: only a rule leads to direct':
    'fallback 只能是 provider 名称或 group 名称：只有规则可以通向 direct',
  'the groups form a cycle: {cycle}': '组之间形成循环：{cycle}',
  'a group must end at providers': '组最终必须通向供应商',
  'no port of the gateway has this number or name (listen[].port, listen[].name)':
    '网关没有这个号码或名称的端口（listen[].port、listen[].name）',
  'belongs to rules with to: direct': '只用于 to: direct 的规则',
  'for the upstreams of a provider it stands at the provider': '要用于供应商的上游，请写在供应商条目中',
  'the list is larger than 64 MiB': '列表超过 64 MiB',
  'the list cannot be read ({code})': '无法读取列表（{code}）',
  'line {number} of the list is no host, address or block': '列表第 {number} 行不是主机、地址或网段',

  // Entries of vendors
  'is not an address': '不是地址',
  'write ip:port, ip:port:user:pass or scheme://user:pass@host:port':
    '请写 ip:port、ip:port:user:pass 或 scheme://user:pass@host:port',
  'in user:pass@ of a URL write %2F for /, %3F for ?, %23 for # and %40 for @':
    'URL 的 user:pass@ 部分请把 / 写成 %2F、? 写成 %3F、# 写成 %23、@ 写成 %40',
  'a port is a number from 1 to 65535': '端口是 1 到 65535 的数字',
  'make a link for fewer, or add credentials: { key: ... }': '请生成数量更少的链接，或添加 credentials: { key: ... }',
  'this signed link brings {count} addresses a call, more than may be bought':
    '这个签名链接每次调用得到 {count} 个地址，超过允许购买的数量',
  'this signed link brings {count} addresses a call': '这个签名链接每次调用得到 {count} 个地址',
  'a signed link cannot register an address': '签名链接不能登记白名单地址',
  'add credentials: { key: ... }': '请添加 credentials: { key: ... }',
  'the link has no {name}: copy it whole from the vendor’s page': '链接中缺少 {name}：请从供应商页面完整复制',
  'this link is for {products} of {vendor}': '这个链接属于 {vendor} 的 {products}',
  'nothing is known of such links: leave product out': '无法识别此类链接：请去掉 product',
  'nothing is known of such links: they cannot be signed, leave credentials out':
    '无法识别此类链接，也无法签名：请去掉 credentials',
  'fills in only {names}': '只能填入 {names}',
  'needs address, or host and port': '需要 address，或 host 和 port',
  'write either address, or host and port': '请只写 address，或只写 host 和 port',
  'host and port go together': 'host 和 port 必须同时给出',
  'write either deadline or ttl': '请只写 deadline 或 ttl 之一',
  'field and is go together': 'field 和 is 必须同时给出',
  'a body needs method: POST beside it, or PUT, PATCH, DELETE': '有请求体时还需要 method: POST，或 PUT、PATCH、DELETE',
  'write ASCII characters without spaces': '请写不含空格的 ASCII 字符',
  'this cannot be the name of a header': '这不能作为请求头名称',
  'is set by the gateway itself': '由网关自行设置',

  // Valid but risky settings
  'is shorter than {count} characters, and other machines can reach {what}':
    '少于 {count} 个字符，而其他机器可以访问{what}',
  'this port': '此端口',
  'the admin port': '管理端口',
  'no port has a user of this name: the rule matches no client':
    '没有端口配置了这个名字的用户：该规则不会匹配任何客户端',
  'targets of {which} are connected to directly, through no upstream: they see the address of this machine':
    '{which}的目标不经上游直接连接：它们会看到本机的地址',
  'this rule': '此规则',
  'this rule and {count} more': '此规则及另外 {count} 条规则',

  none: '无',

  // Entries of generic and gateway
  'must be {least} to {most} characters long': '长度必须是 {least} 到 {most} 个字符',
  'must be one line of at most 8192 characters, and none beyond Latin-1':
    '必须是一行，最多 8192 个字符，且只含 Latin-1 字符',
  'this header is there already': '此字段已存在',
  'an hmac needs a key': 'hmac 需要 key',
  'only an hmac has a key': '只有 hmac 才有 key',
  'the name {name} is taken: write another under name': '名称 {name} 已被使用：请在 name 中另写一个',
  'needs operations.whitelistAdd, the call that registers an address': '需要 operations.whitelistAdd，即登记地址的调用',
  'needs operations.release, the call that gives an address back': '需要 operations.release，即退还地址的调用',
  'needs ttl: how long the address lives from then on': '需要 ttl：地址从那时起的有效时间',
  'a text has columns: write the number of one, as in 2': '文本按列读取：请写列号，例如 2',
  'other fields are members with names: an item has either names or numbered columns':
    '其他字段是按名称读取的：一项要么用名称，要么用列号',
  'only a text contains words: write field and is': '只有文本才能用 contains：请写 field 和 is',
  'needs field and is, contains, or code and message of an error':
    '需要 field 和 is，或 contains，或错误的 code 和 message',
  'needs code, contains or status': '需要 code、contains 或 status',
  'is counted apart from the other limits of this call: write another word': '同一调用的各个限频分开计数：请换一个词',
  'only login reads header fields and cookies': '只有 login 读取响应头和 cookie',
  'needs operations.whitelistList, the call that reads the list': '需要 operations.whitelistList，即读取列表的调用',
  'needs whitelistList.fields.id, the place of {id}': '需要 whitelistList.fields.id，即 {id} 的位置',
  'needs owned: true, a list that is read': '需要 owned: true，即读取的列表',
  'needs next, the place of {cursor} in the reply': '需要 next，即 {cursor} 在应答中的位置',
  'needs {cursor} in the call': '调用中需要 {cursor}',
  '429 is one of {classes}': '429 只能是以下之一：{classes}',
  'needs success: which says where the code stands': '需要 success：它说明代码在哪里',
  'only rate_limited and quota_exhausted wait': '只有 rate_limited 和 quota_exhausted 可以等待',
  'needs login: the call that brings a token': '需要 login：获取令牌的调用',
  'write line, space or tab, or the characters themselves, at most 16':
    '请写 line、space 或 tab，或分隔符本身（最多 16 个字符）',
  'write the path of a member, as in data.list or list[0].ip; * is every member':
    '请写成员的路径，例如 data.list 或 list[0].ip；* 表示每个成员',
  'write year, month and day in letters, as in dd/MM/yyyy HH:mm:ss or yyMMddHHmm':
    '请用字母写明年月日，例如 dd/MM/yyyy HH:mm:ss 或 yyMMddHHmm',
  'write the zone of the times, as in +08:00, UTC or Asia/Shanghai':
    '请写时间的时区，例如 +08:00、UTC 或 Asia/Shanghai',
  'write the number as ipipv shows it, as in c_gz3h2igp6dz9cq3': '请按 ipipv 显示的编号填写，例如 c_gz3h2igp6dz9cq3',
  'rsa belongs to the interfaces before version 2, which the document does not describe: write AES':
    'rsa 属于第 2 版之前的接口，文档没有说明：请写 AES',
  'needs {session}, here or in password or headers, or rotates: true':
    '这里、password 或 headers 里需要 {session}，或者写 rotates: true',
  'username and password go together': 'username 和 password 必须同时给出',
  'write either username or Proxy-Authorization': '请只写 username 或只写 Proxy-Authorization',
  'needs protocol http or https': '需要 protocol http 或 https',
  'needs places, which tell {{name}}': '需要 places，用来给出 {{name}}',
  'needs {name}: username, password or headers fill it in': '需要 {name}：username、password 或 headers 用到了它',
  'write status, or closedWithin for tunnels: what shows that the address is banned':
    '请写 status，或用于隧道的 closedWithin：用什么判断地址被封',
  'use letters, digits, dot, hyphen and underscore': '请用字母、数字、点、连字符和下划线',
  'make it 16 or more characters long': '至少需要 16 个字符',
  'is empty: who knows the name may use this port': '是空的：知道名称的人都可以使用此端口',
  'is empty: many SOCKS5 clients cannot send an empty user name': '是空的：许多 SOCKS5 客户端不能发送空的用户名',
  'write a whole number from {least} to {most}': '请写 {least} 到 {most} 的整数',
  'write some of {names}': '请写其中一些：{names}',
  'an http or https URL without a login': '不含登录的 http 或 https URL',
  'write productNo, or proxyType, countryCode or cityCode: what to buy':
    '请写 productNo，或 proxyType、countryCode 或 cityCode：购买什么',
  'write a block of addresses, as in 192.168.0.0/24': '请写网段，例如 192.168.0.0/24',
} as const
