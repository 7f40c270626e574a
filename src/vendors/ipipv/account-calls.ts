/** Calls of dynamic traffic: its accounts, its whitelist, and what draws addresses. */
import type { Operation } from '../contract/operation.ts'
import { required, text, whole } from '../contract/params.ts'
import { DRAWING } from './codes.ts'
import { authType, drawn, dynamicType, mainUsername, page, pageSize, productNo, status } from './params.ts'
import { section } from './section.ts'

const USER = '{appUsername, username, password, status, authStatus}'
const WHITELIST = '{ipWhiteList: [ip]}'

const password = text('password; made up when left out', '密码', { secret: true })

/** One call under two names: the document prints `dellp`, where its SDKs have `delIp`. */
function delIpWhiteList(name: string, source: string): Operation {
  return section(name, '删除ip白名单', {
    about: `takes an address off the whitelist of a main account; ${source}`,
    effect: 'deletes',
    params: {
      appUsername: text('main account', '渠道商主账号', required),
      ip: text('the address', 'ip地址', { ...required, format: 'ip' }),
      proxyType: { ...dynamicType, ...required, default: 104 },
      productNo,
    },
    reply: WHITELIST,
    codes: ['10052'],
  })
}

export const accounts: Readonly<Record<string, Operation>> = {
  user: section('user', '创建或修改主账户', {
    about: 'makes or changes a main account of dynamic traffic',
    effect: 'changes',
    generates: ['password'],
    params: {
      appUsername: text('name of the account; made up when left out', '渠道商主账号'),
      password,
      phone: text('telephone', '主账号手机号', required),
      email: text('mail address', '主账号邮箱', required),
      authType,
      authName: text('name of person or company', '真实名字或者企业名'),
      no: text('number of the identity document', '证件号码', { ...required, secret: true }),
      vsp: whole('vsp', 'vsp', { min: 0, max: 255 }),
      status,
    },
    reply: USER,
    secrets: { password: 'all' },
    codes: ['10051', '10052'],
  }),
  userAuth: section('userAuth', '同步实名', {
    about: 'writes who stands behind a main account',
    effect: 'changes',
    oneOf: [['username', 'appUsername']],
    params: {
      username: mainUsername,
      appUsername: text('main account, the app’s own name', '渠道商主账号'),
      authType,
      authName: text('name of person or company', '真实姓名或者企业名'),
      no: text('number of the identity document', '实名认证号码', { secret: true }),
      vsp: text('vsp', 'vsp'),
    },
    reply: '{username, authStatus}',
    codes: ['10052'],
  }),
  'proxy/user': section('proxy/user', '创建或修改代理用户（子账号）', {
    about: 'makes or changes a sub-account, whose name draws addresses',
    effect: 'changes',
    generates: ['password'],
    oneOf: [['mainUsername', 'appMainUsername']],
    params: {
      appUsername: text('name of the sub-account; made up when left out', '渠道商子账号', { min: 1, max: 32 }),
      password,
      limitFlow: whole('limit of traffic, MB', '动态流量上限', { ...required, min: 0 }),
      mainUsername,
      appMainUsername: text('main account, the app’s own name', '渠道商主账号'),
      remark: text('remark', '备注', { max: 255 }),
      status,
    },
    reply: USER,
    secrets: { password: 'all' },
    codes: ['10061', '10062'],
  }),
  'proxy/info': section('proxy/info', '获取代理余额信息', {
    about: 'tells how much traffic is left',
    oneOf: [['username', 'appUsername']],
    params: {
      username: mainUsername,
      appUsername: text('main account, the app’s own name', '渠道商主账号'),
      proxyType: { ...dynamicType, ...required },
      productNo,
    },
    reply: '{list: [{used, total, balance, productNo, ipWhiteList, ipUsed, ipTotal}]}, traffic in MB',
    codes: ['10052'],
  }),
  'proxy/flow/use/log': section('proxy/flow/use/log', '流量使用记录', {
    about: 'lists what traffic was used',
    params: {
      appUsername: text('main account', '主账号', required),
      startTime: text('from, as in 2021-01-01 00:00:00; a week ago when left out', '开始时间', {
        format: 'date-time',
      }),
      endTime: text('to; today when left out', '结束时间', { format: 'date-time' }),
      productNo,
      page,
      pageSize,
    },
    reply: '{total, curPage, list: [{used, total, balance, usedTime, productNo}]}, traffic in bytes',
    codes: ['10052'],
  }),
  'proxy/addIpWhiteList': section('proxy/addIpWhiteList', '添加ip白名单', {
    about: 'puts an address on the whitelist of a main account',
    effect: 'changes',
    params: {
      appUsername: text('main account', '渠道商主账号', required),
      ip: text('the address', 'ip地址', { ...required, format: 'ip' }),
      proxyType: { ...dynamicType, ...required },
      productNo,
    },
    reply: WHITELIST,
    codes: ['10052'],
  }),
  'proxy/delIpWhiteList': delIpWhiteList('proxy/delIpWhiteList', "the name of the vendor's public SDKs"),
  'proxy/dellpWhiteList': delIpWhiteList('proxy/dellpWhiteList', 'as the document prints it'),
  'proxy/return': section('proxy/return', '动态代理流量回收', {
    about: 'gives traffic or addresses back for money',
    effect: 'deletes',
    oneOf: [['ipNum', 'flowNum']],
    params: {
      appUsername: text('main account', '渠道商主账号', required),
      proxyType: { ...dynamicType, ...required },
      ipNum: whole('how many addresses, where they were bought by number', '回收ip数量', { min: 1 }),
      productNo,
      flowNum: whole('how much traffic, MB, where it was bought by traffic', '回收流量数量', { min: 1 }),
      remark: text('remark', '备注', { max: 250 }),
    },
    reply: '{returnAmount} in yuan',
    codes: ['10052', '10081'],
  }),
}

export const drawing: Readonly<Record<string, Operation>> = {
  'proxy/draw/pwd': section('proxy/draw/pwd', '账密提取', {
    about: 'draws addresses with a login for each',
    effect: 'buys',
    quantity: ['num'],
    params: {
      appUsername: text('sub-account', '渠道商子账号名', required),
      sessTime: whole('life of each address, minutes', '有效时间', { default: 5, min: 1, max: 120 }),
      proxyType: dynamicType,
      ...drawn,
    },
    reply: '{list: [{proxyUrl, list: [text]}]}',
    secrets: { proxyUrl: 'login', list: 'account' },
    codes: [...DRAWING, '10093', '10062'],
  }),
  'proxy/draw/api': section('proxy/draw/api', 'Api提取代理请求', {
    about: 'draws a link under which addresses are found',
    effect: 'buys',
    quantity: ['num'],
    params: {
      appUsername: text('main account', '渠道商主账号', required),
      proxyType: { ...dynamicType, ...required },
      protocol: text('protocol of the addresses', '协议', { default: 'socks5', values: ['socks5', 'http'] }),
      returnType: text('format behind the link', '数据格式', { default: 'txt', values: ['txt', 'json'] }),
      delimiter: whole('between the addresses of a text: 1 CR LF, 2 /br, 3 CR, 4 LF, 5 tab', '分隔符', {
        default: 1,
        values: [1, 2, 3, 4, 5],
      }),
      ...drawn,
    },
    reply: '{list: [{proxyUrl}]}, each a link to be fetched',
    secrets: { proxyUrl: 'link' },
    codes: [...DRAWING, '10052'],
  }),
}
