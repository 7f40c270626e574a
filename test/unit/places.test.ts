import { expect, it } from 'vitest'
import { holdsPlace, isSameCountry } from '../../src/places.ts'

it.each([
  ['JP', 'jp'],
  ['JP', 'Japan'],
  ['JP', '日本'],
  ['日本', 'jp'],
  ['Japan', '日本'],
  ['CN', '中国'],
  ['US', 'United States'],
  ['US', '美国'],
  ['GB', 'uk'],
  ['HK', '香港'],
  ['HK', 'Hong Kong'],
  ['KR', 'South Korea'],
  ['KR', '韩国'],
  ['US', '美國'],
  ['somewhere', 'Somewhere'],
])('country %s is what %s asks for', (fact, wish) => {
  expect(isSameCountry(fact, wish)).toBe(true)
})

it.each([
  ['JP', 'cn'],
  ['JP', 'jap'],
  ['JP', ''],
  ['', 'jp'],
  ['nowhere', 'elsewhere'],
  ['CN', '日本'],
])('country %s is not what %s asks for', (fact, wish) => {
  expect(isSameCountry(fact, wish)).toBe(false)
})

it.each([
  ['河南省商丘市', '商丘'],
  ['河南省商丘市', 'henan'],
  ['河南省商丘市', 'Shang Qiu'],
  ['河南省商丘市', '河南省'],
  ['Jiangsu', '江苏'],
  ['jiangsu', '江苏省'],
  ['Suzhou', '苏州市'],
  ['江苏省苏州市', 'suzhou'],
  ['广东省广州市', 'guangzhou'],
  ['Guangzhou', '广州'],
  ['Shang Qiu, Henan', '商丘'],
  ['Shang Qiu, Henan', '河南'],
  ['重庆市', 'chongqing'],
  ['福建省厦门市', 'xiamen'],
  ['安徽省六安市', "lu'an"],
  ['广西壮族自治区南宁市', 'guangxi'],
  ['内蒙古自治区呼伦贝尔市', 'neimenggu'],
  ['湖北省恩施土家族苗族自治州', 'enshi'],
  ['陕西省西安市', 'shaanxi'],
  ['陕西省西安市', 'xian'],
  ['山西省吕梁市', 'shanxi'],
  ['山西省吕梁市', 'lüliang'],
  ['Frankfurt am Main', 'frankfurt'],
])('%s holds %s', (fact, wish) => {
  expect(holdsPlace(fact, wish)).toBe(true)
})

it.each([
  ['河南省商丘市', 'hebei'],
  ['河南省商丘市虞城县', 'xian'],
  ['陕西省西安市', 'shanxi'],
  ['陕西省西安市', '山西'],
  ['Jiangsu', '浙江'],
  ['Jiangsu', '省'],
  ['Suqian', '苏州市'],
  ['Guangxi', '广州'],
  ['Lanzhou', '安州'],
  ['Yunnan', '南'],
  ['河南省', 'nan省'],
  ['湖南省', 'unan'],
])('%s does not hold %s', (fact, wish) => {
  expect(holdsPlace(fact, wish)).toBe(false)
})
