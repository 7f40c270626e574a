/** Texts that make careless readers slow: one piece again and again, with something in front and behind. */
import fc from 'fast-check'

/** What replies, lists, heads and logins are made of: where a reader decides what it sees. */
const PIECES = [
  ...[
    '<!---->',
    '<!--',
    '-->',
    '<html>',
    '<title',
    '<br',
    '<br/>',
    '/br',
    '<',
    '>',
    '<a>',
    '</a>',
    '<?xml',
    '&amp;',
    '&',
  ],
  ...['{', '}', '[', ']', '"', '\\', '\\n', '\\t', '"a":', '"ip":"', '{"code":', 'null', '//', '/*'],
  ...[':', '::', ',', ';', '|', '@', '/', '#', '?', '=', '.', '-', '_', '(', ')', '*', '%41', '%'],
  ...[' ', '\t', '\n', '\r\n', '\r', '\u00a0', '\u3000', '\ufeff', '\u0000'],
  ...['1', '0', '65535', '203.0.113.7', '203.0.113.7:8080', '[2001:db8::1]:80', 'http://', 'socks5://', 'user', 'pass'],
  ...['2026-02-25', '15:38:36', '15:38:36,2026-02-25', '+08:00', 'UTC', 'A', 'a', 'ip', 'IP', 'not', 'no '],
  ...['授权', '绑定', '白名单', '频繁', 'ERROR(', 'ERROR', 'code', '秒', '-session-', '-country', 'Basic '],
]

const some = (least: number, most: number) =>
  fc.array(fc.constantFrom(...PIECES), { minLength: least, maxLength: most }).map((pieces) => pieces.join(''))

/** @param characters how long each text is */
export function hostileText(characters: number): fc.Arbitrary<string> {
  return fc
    .tuple(some(0, 3), some(1, 3), some(0, 3))
    .map(([front, pump, behind]) => grown(front, pump, behind, characters))
}

/** `pump` repeated between `front` and `behind`, to this length or, where all else is longer, once. */
export function grown(front: string, pump: string, behind: string, characters: number): string {
  const room = characters - front.length - behind.length
  return `${front}${pump.repeat(Math.max(1, Math.floor(room / pump.length)))}${behind}`
}
