/** `turnpike call` under a Chinese locale: why a call was not made, with the parameters of the vendor's document. */
import { expect, it } from 'vitest'
import { chineseCallRefusal } from '../../../src/messages/call-refusals.ts'

it.each([
  ['num must be an integer from 1 to 100, not "ten"', 'num 应为 1 到 100 的整数，而不是 "ten"'],
  ['pt must be one of 1, 2, not 3', 'pt 应为以下之一：1, 2，而不是 3'],
  ['params [0].count must be an integer from 1 to 20', 'params [0].count 应为 1 到 20 的整数'],
  ['nun is not a parameter of this call; did you mean num?', 'nun 不是此调用的参数；您是指 num 吗？'],
  ['zzzz is not a parameter of this call, which takes none', 'zzzz 不是此调用的参数；可用：无'],
  ['sign comes from the credentials', 'sign 取自 credentials，不能填写'],
  ['num is missing: how many addresses', '缺少 num：地址数量'],
  ['IP or TaskID is missing', '缺少 IP 或 TaskID'],
  ['lines [1].c is missing: it goes with a', '缺少 lines [1].c：须与 a 一起给出'],
  [
    'num must be an integer from 1, not 0; sign comes from the credentials',
    'num 应为不小于 1 的整数，而不是 0；sign 取自 credentials，不能填写',
  ],
  ['qg has no operation "x"; did you mean y?', 'qg 没有操作 "x"；您是指 y 吗？'],
  ['generic has no operation "x": extract', 'generic 没有操作 "x"：extract'],
  [
    'getips takes addresses (num=2 pt=(1)). It spends money: up to 2 addresses, counted in the budget of "a". Nothing was sent: confirm it',
    'getips：提取地址 (num=2 pt=(1))。它会花钱：最多 2 个地址，计入 "a" 的预算。没有发送任何请求，请确认',
  ],
  [
    'num=9 is more than is known to work (5); the document states no limit',
    'num=9 超过已知可用的值（5）；文档没有说明上限',
  ],
  ['the vendor of a lists no areas', 'a 的供应商没有地区列表'],
])('%s', (english, chinese) => {
  expect(chineseCallRefusal(english)).toBe(chinese)
})
