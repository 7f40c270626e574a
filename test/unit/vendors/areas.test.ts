/** Places and lines as values for `request:`, with their names. */
import { describe, expect, it } from 'vitest'
import { ipipvCredentials } from '../../fixtures/vendors/ipipv.ts'
import { type SettingsOf, scripted } from './scripted-http.ts'

const listed = (settings: SettingsOf, data: unknown) => {
  const { areas } = scripted(settings).source
  return areas === undefined ? expect.fail('it lists nothing') : { ...areas, found: areas.read(data) }
}
const qg = (product: string): SettingsOf => ({ vendor: 'qg', product, credentials: { key: 'INVENTED' } })
const legacy = (product: string): SettingsOf => ({ vendor: 'qg-legacy', product, credentials: { Key: 'INVENTED' } })

describe('qg', () => {
  it('share products: one value for an area, whatever its carriers', () => {
    const data = [
      { area: '福建省泉州市', area_code: 350500, isp: '电信', isp_code: 1, available: true },
      { area: '河南省商丘市', area_code: '411400', isp: '电信', isp_code: 1, available: 3 },
      { area: '河南省商丘市', area_code: '411400', isp: '联通', isp_code: 3, available: 4 },
      { area: '', area_code: '1' },
      null,
    ]
    expect(listed(qg('share-channel'), data)).toMatchObject({
      operation: 'share/resources',
      found: [
        { param: 'area', value: '350500', name: '福建省泉州市' },
        { param: 'area', value: '411400', name: '河南省商丘市', available: 7 },
      ],
    })
  })

  it('other products list none', () => {
    expect(scripted(qg('exclusive')).source.areas).toBeUndefined()
  })
})

describe('qg-legacy', () => {
  it('areas, in whatever envelope', () => {
    const data = {
      Code: 0,
      Data: [{ AreaId: 350500, Region: '泉州', Num: 2 }, { Sub: [{ AreaId: 411400, AreaName: '商丘' }] }],
    }
    expect(listed(legacy('dedicated'), data).found).toEqual([
      { param: 'AreaId', value: '350500', name: '泉州', available: 2 },
      { param: 'AreaId', value: '411400', name: '商丘' },
    ])
  })

  it('lines', () => {
    const data = { data: [{ uuid: 'fj_qzdx9-1:ppp10', area: '福建省泉州市', isp: '电信', state: '在线' }, {}] }
    expect(listed(legacy('monopoly'), data).found).toEqual([
      { param: 'UUIDs', value: 'fj_qzdx9-1:ppp10', name: '福建省泉州市 电信 在线' },
    ])
  })
})

it('smartproxy: countries, states and cities; the document’s own example has null members', () => {
  const usa = { name_zh_cn: '美国', name_en: 'United States', continent_code: 'NA', country_code: 'US' }
  const items = [
    { city: null, state: null, continent_code: null, country_code: null },
    { city: 'Dallas', state: 'TX' },
    { city: 'Austin', state: 'TX' },
  ]
  const settings: SettingsOf = { vendor: 'smartproxy', product: 'dynamic', credentials: { app_key: 'k'.repeat(32) } }
  expect(listed(settings, { list: [{ ...usa, items }] }).found).toEqual([
    { param: 'cc', value: 'US', name: 'United States 美国' },
    { param: 'state', value: 'TX', name: 'US' },
    { param: 'city', value: 'Dallas', name: 'US TX' },
    { param: 'city', value: 'Austin', name: 'US TX' },
  ])
})

it('ipipv: the most exact code, of the product that is configured', () => {
  const request = { appUsername: 'sub', productNo: 'out_dynamic_1', proxyType: 104 }
  const settings: SettingsOf = { vendor: 'ipipv', product: 'dynamic-password', credentials: ipipvCredentials, request }
  const area = { productNo: 'out_dynamic_1', proxyType: 104, status: 1, supplierCode: 'xxx' }
  const data = [
    { ...area, areaCode: '6', countryCode: 'USA', stateCode: '', cityCode: '', region: 'us' },
    { ...area, areaCode: '2', countryCode: 'FRA', stateCode: 'FRA000', cityCode: 'FRA000000', region: 'fr' },
    { ...area, areaCode: '6', countryCode: 'USA', stateCode: 'USA0TX', cityCode: 'USA0TX000', region: 'us' },
    { ...area, areaCode: '1', countryCode: 'JPN', stateCode: '', cityCode: '', region: 'jp', status: -1 },
  ]
  expect(listed(settings, data)).toMatchObject({
    ...{ operation: 'product/area', params: { productNo: 'out_dynamic_1', proxyType: 104 } },
    found: [
      { param: 'addressCode', value: 'USA', name: 'us USA' },
      { param: 'addressCode', value: 'FRA', name: 'fr FRA' },
      { param: 'addressCode', value: 'USA0TX', name: 'us USA' },
    ],
  })
})
