/** Every call of `ipipv-open-api.txt`, by the titles of its sections. Calls from other sources name their source. */
import type { Operation } from '../contract/operation.ts'
import { list, required, text } from '../contract/params.ts'
import { accounts, drawing } from './account-calls.ts'
import { orders } from './order-calls.ts'
import { dynamicType, filters, productNo } from './params.ts'
import { section } from './section.ts'

const lookups: Readonly<Record<string, Operation>> = {
  info: section('info', '获取App信息', {
    about: 'tells the balance of the app',
    reply: '{appName, coin, useBridge, callbackUrl, status}',
    // Callbacks are not signed: everyone who knows the address can send one.
    secrets: { callbackUrl: 'link' },
  }),
  area: section('area', '同步地域', {
    about: 'lists areas as a tree',
    params: { codes: list('only these areas', '地域代码') },
    reply: '[{code, name, cname, children}]',
  }),
  'city/list': section('city/list', '同步地域 (城市)', {
    about: 'lists cities',
    params: { codes: list('only these cities', '城市代码列表') },
    reply: '[{cityCode, cityName, stateCode, stateName, countryCode, countryName, areaCode, areaName, status}]',
  }),
  'product/query': section('product/query', '获取产品库存', {
    about: 'lists products with price and stock',
    params: {
      proxyType: list(
        '101 static cloud, 102 static home in China, 103 static home abroad, 104, 105 dynamic',
        '代理类型',
        {
          ...required,
          values: [101, 102, 103, 104, 105, 201],
        },
      ),
      productNo: text('only this product', '产品Id'),
      ...filters,
    },
    reply:
      '[{productNo, productName, proxyType, useType, protocol, costPrice, inventory, duration, unit, enable, ...}]',
  }),
  'product/area': section('product/area', '动态产品区域列表', {
    about: 'lists the areas of a dynamic product',
    params: { productNo, proxyType: { ...dynamicType, ...required } },
    reply: '[{productNo, proxyType, areaCode, countryCode, stateCode, cityCode, status, region, supplierCode}]',
  }),
  'assign/ip/info': section('assign/ip/info', '查询指定Ip可用信息', {
    about: 'tells whether a certain address can be bought',
    params: { ip: text('the address', '指定ip', { ...required, format: 'ip' }) },
    reply: '{ip, canBuyStatus: 1 or -1}',
  }),
}

export const operations: Readonly<Record<string, Operation>> = { ...lookups, ...orders, ...accounts, ...drawing }
