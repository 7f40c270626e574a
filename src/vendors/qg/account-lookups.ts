/**
 * The five look-ups at the end of `qg-legacy-api.txt`: servers, prices, the balance of the account. The document does not say how
 * they are signed. A public client of a sibling call (cloud-operate/restart) sends `appid`, `time`, `domain` and `sign`, where
 * sign is MD5 over appid, domain, time and appkey. This is not confirmed for these five.
 */
import { createHash } from 'node:crypto'
import { VendorError } from '../contract/error.ts'
import type { Credentials, Operation, Param, Params } from '../contract/operation.ts'
import { fromCredentials, required, text, whole } from '../contract/params.ts'
import { parseJson } from '../parse/json.ts'
import { malformed, membersOf, type RulesByWords, refusal, ruleInWords, textOf } from '../parse/reply.ts'

const UNPROVEN =
  'the document does not say how it is signed; the signature is that of a sibling call in a public client'
const SIGNED_DOMAIN = 'www.qg.net'

const credential = { ...required, ...fromCredentials }

const signed: Readonly<Record<string, Param>> = {
  appid: text('name of the account at qg.net', 'appid', credential),
  time: text('when the call leaves, Unix seconds', 'time', credential),
  sign: text('signature over appid, domain, time and appkey', 'sign', credential),
  domain: text('the domain that is signed', 'domain', { default: SIGNED_DOMAIN }),
}
const productId = whole('number of the brand', '品牌编号', { ...required, min: 0 })

function lookup(path: string, page: string, rest: Pick<Operation, 'about' | 'reply'> & Partial<Operation>): Operation {
  return {
    document: `qg-legacy-api.txt, ${page}`,
    method: 'GET',
    baseUrl: 'https://qg.net',
    path,
    limit: () => ({ calls: 1, perMs: 1_000 }),
    limitGroup: 'account look-ups',
    effect: 'reads',
    errors: {},
    unproven: UNPROVEN,
    ...rest,
    params: { ...signed, ...rest.params },
  }
}

export const accountLookups: Readonly<Record<string, Operation>> = {
  getBalance: lookup('/api/merchant/getBalance', '获取账户余额', {
    about: 'tells the balance of the account',
    baseUrl: 'https://www.qg.net',
    reply: '"1.00"',
  }),
  getDetail: lookup('/api/cloud-business/getDetail', '查询业务详情', {
    about: 'tells of the cloud servers of the account; their passwords are in the reply',
    params: {
      suid: text('only this server', '业务标识'),
      offset: whole('how many to pass over', '偏移量', { default: 0, min: 0 }),
      limit: whole('how many to list', '限制数目', { default: 50, min: 1, max: 50 }),
    },
    secrets: { Business_password: 'all', Login_password: 'all', Adsl_password: 'all' },
    reply: '{"1": {Suid, Line_no, Area_no, Spec_no, Ip, Run_status, Order_status, Buy_time, End_time, ...}}',
  }),
  packageOrderPrice: lookup('/api/cloud-business/packageOrderPrice', '查询套餐购买询价', {
    about: 'tells the price of a package',
    params: {
      package_no: text('number of the package', '套餐编号', required),
      system_no: text('number of the operating system', '操作系统编号', required),
      duration: text('for how long: 2s are two hours, 1d a day, 1w a week, 1m a month', '购买时长', {
        ...required,
        format: 'term',
      }),
    },
    reply: '{OriginalPrice, TotalPrice}',
  }),
  packageList: lookup('/api/cloud-product/packageList', '查询套餐列表', {
    about: 'lists the packages of a brand',
    params: {
      productId,
      line_no: text('only this line', '线路编号'),
      area_no: text('only this zone, which must belong to line_no where that is given', '可用区编号'),
      load_rate: whole('1 adds the rates', '是否加载费率', { default: 0, values: [0, 1] }),
    },
    reply: '{"1": {Line_no, Area_no, Spec_no, Cpu, Memory, Package_no, Basic_price, User_price, ...}}',
  }),
  lineList: lookup('/api/physical-product/lineList', '查询线路列表', {
    about: 'lists the lines of a brand',
    params: { productId },
    reply: '[{id, name, code, description, buystatus, ...}]',
  }),
}

/** @param wallMs the time of day, ms since the epoch @throws {VendorError} class auth without the two credentials */
export function authorizeLookup(params: Params, { appid, appkey }: Credentials, wallMs: number): Params {
  if (appid === undefined || appkey === undefined)
    throw new VendorError('auth', 'credentials', 'this call needs the credentials appid and appkey', {
      hint: 'add appid and appkey of your account at qg.net to credentials:',
    })
  const { domain = SIGNED_DOMAIN } = params
  const time = Math.floor(wallMs / 1_000)
  const sign = createHash('md5').update(`${appid.reveal()}${domain}${time}${appkey.reveal()}`).digest('hex')
  return { ...params, domain, appid: appid.reveal(), time, sign }
}

const words: RulesByWords = [
  [
    /签名|sign|appid|appkey|auth/i,
    { class: 'auth', term: '签名错误', hint: 'are appid and appkey those of this account? The signature is unproven' },
  ],
]

/** `{Code, Message, Data}` where Code is 0 or "200", or `{result, data, msg}`. @throws {VendorError} */
export function decodeLookup(reply: string): unknown {
  const { Code, Message, Data, result, data, msg } = membersOf(parseJson(reply)) ?? {}
  const code = textOf(Code) ?? (typeof result === 'boolean' ? String(result) : undefined)
  if (code === undefined) throw malformed('the reply has no Code', reply)
  if (['0', '200', 'true'].includes(code)) return Data ?? data
  const said = textOf(Message) ?? textOf(msg) ?? ''
  throw refusal(ruleInWords(said, words), code, said)
}
