import { describe, expect, it } from 'vitest'
import { Silence } from '../../../src/workers/silence.ts'

const LONG = 1_000

/** @returns the workers that were to be ended, in each of so many turns */
const tick = (silence: Silence, turns: number) => Array.from({ length: turns }, () => silence.tick()).flat()

describe('a worker', () => {
  it('that sends nothing is to be ended, once', () => {
    const silence = new Silence([])
    silence.reported(0)
    silence.reported(1)
    const ended = Array.from({ length: LONG }, () => {
      silence.reported(1)
      return silence.tick()
    })
    expect(ended.flat()).toEqual([0])
  })

  it('that was there before this control process and never comes is to be ended too', () => {
    expect(tick(new Silence([1]), LONG)).toEqual([1])
  })

  it('that is being started has all the time it needs', () => {
    const silence = new Silence([])
    silence.reported(0)
    silence.left(0)
    expect(tick(silence, LONG)).toEqual([])
    silence.reported(0)
    expect(tick(silence, LONG)).toEqual([0])
  })
})
