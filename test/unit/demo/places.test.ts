import { describe, expect, it } from 'vitest'
import { places, placesLike } from '../../../src/demo/places.ts'

describe('the demo vendor’s places', () => {
  it('gives all of them when nothing is asked', () => {
    expect(placesLike({})).toEqual(places)
  })

  it('wants every field that is asked, in one of its values, in any letter case', () => {
    expect(placesLike({ country: ['cn'], isp: ['MOBILE', 'telecom'] }).map((place) => place.city)).toEqual([
      'Suzhou',
      'Chengdu',
    ])
    expect(placesLike({ country: ['CN'], city: ['Tokyo'] })).toEqual([])
  })

  it('differ in every field that a client may choose by', () => {
    for (const field of ['country', 'area', 'city', 'isp'] as const) {
      expect(new Set(places.map((place) => place[field])).size).toBeGreaterThan(2)
    }
  })
})
