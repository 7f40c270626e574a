/** The part of luaparse (a parser of Lua 5.1) that the tests use; it brings no types. */
declare module 'luaparse' {
  export interface LuaNode {
    readonly type: string
    readonly [part: string]: unknown
  }
  const luaparse: {
    parse(source: string, options: { luaVersion: '5.1'; comments: false; encodingMode: 'pseudo-latin1' }): LuaNode
  }
  export default luaparse
}
