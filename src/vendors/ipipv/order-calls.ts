/** Calls that buy, renew and release instances, and report their state. */
import type { Operation } from '../contract/operation.ts'
import { list, required, text, whole } from '../contract/params.ts'
import { CREATING } from './codes.ts'
import {
  anyOrderNo,
  appOrderNo,
  cycleTimes,
  extBandWidth,
  instanceNo,
  openMembers,
  PRODUCT_OF_LINE,
  page,
  pageSize,
  productNo,
  renew,
  useBridge,
} from './params.ts'
import { section } from './section.ts'

const ORDERED = '{orderNo, appOrderNo, amount}; the order runs on: ask order'
const INSTANCE =
  '{instanceNo, proxyType, protocol, ip, port, countryCode, cityCode, useType, username, pwd, orderNo, userExpired, flowTotal, flowBalance, status, renew, bridges, openAt, renewAt, releaseAt, productNo}'
export const orders: Readonly<Record<string, Operation>> = {
  'instance/open': section('instance/open', '开通代理', {
    about: 'buys instances or traffic; the vendor completes the order later',
    effect: 'buys',
    quantity: ['params'],
    params: {
      appOrderNo,
      params: {
        type: 'items',
        ...required,
        about: 'what to buy',
        term: '购买代理产品列表',
        members: openMembers,
        oneOf: PRODUCT_OF_LINE,
      },
    },
    reply: ORDERED,
    codes: CREATING,
  }),
  'instance/open/assign/ip': section('instance/open/assign/ip', '指定ip开通代理', {
    about: 'buys one certain address; the vendor completes the order later',
    effect: 'buys',
    quantity: ['assignIp'],
    params: {
      appOrderNo,
      productNo,
      cycleTimes: { ...cycleTimes, ...required },
      renew: renew('是否续费'),
      extBandWidth,
      useBridge,
      assignIp: text('the address', '指定ip', { ...required, format: 'ip' }),
    },
    reply: ORDERED,
    codes: CREATING,
  }),
  'instance/renew': section('instance/renew', '续费代理', {
    about: 'buys more time for instances; the vendor completes the order later',
    effect: 'buys',
    quantity: ['instances'],
    params: {
      appOrderNo: anyOrderNo,
      instances: {
        type: 'items',
        ...required,
        about: 'which instances, for how long',
        term: '实例列表',
        members: {
          instanceNo: text('instance', instanceNo, required),
          duration: whole('terms; older than cycleTimes', '时长', { default: 1, min: 1 }),
          cycleTimes,
        },
      },
    },
    reply: ORDERED,
    codes: ['10002', '10011'],
  }),
  'instance/release': section('instance/release', '释放代理', {
    about: 'releases instances permanently; the vendor completes the order later',
    effect: 'deletes',
    params: {
      orderNo: text('order number of your own', '购买者订单号', required),
      instances: list('instances', instanceNo, required),
    },
    reply: ORDERED,
    codes: ['10021', '10022'],
  }),
  instance: section('instance', '获取实例', {
    about: 'tells where instances stand',
    params: { instances: list('instances', instanceNo, { ...required, managed: true }) },
    reply: `[${INSTANCE}]`,
    secrets: { pwd: 'all', bridges: 'login' },
    codes: ['10041'],
  }),
  order: section('order', '获取订单信息', {
    about: 'tells where an order stands, and its instances',
    oneOf: [['orderNo', 'appOrderNo']],
    params: {
      orderNo: text('ipipv’s order number; this or appOrderNo', '平台订单编号', { min: 1, max: 32 }),
      // Not in the document: the vendor's public Go SDK uses this parameter since 2024-11-23.
      appOrderNo: text('your own order number, in place of orderNo', '购买者订单号', { min: 1, max: 32 }),
      page,
      pageSize: { ...pageSize, ...required },
    },
    reply: `{orderNo, appOrderNo, type, status, count, amount, refund, page, pageSize, total, instances: [${INSTANCE}]}`,
    secrets: { pwd: 'all', bridges: 'login' },
    codes: ['10031'],
  }),
}
