import fc from 'fast-check'
import { expect, test } from 'vitest'
import { stopSearch } from '../../generation/stops.ts'
import { assertProperty } from '../support/property.ts'

test('what may begin a stop is held back, and given where it does not', () => {
  const { add, end, isFound } = stopSearch(['\n\nQ:'])
  expect([add('a\n'), add('\nQ'), add('R\n'), isFound(), end()]).toEqual(['a', '', '\n\nQR', false, '\n'])
})

test('nothing comes after a stop', () => {
  const { add, end, isFound } = stopSearch(['STOP', 'TO'])
  expect([add('xS'), add('TOP y'), isFound(), add('z'), end()]).toEqual(['x', '', true, '', ''])
})

const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 12 })

test('in whatever pieces a text comes, it ends before its first stop', () => {
  const stop = letters.filter((text) => text !== '')
  assertProperty(
    fc.property(fc.array(letters), fc.array(stop, { maxLength: 3 }), (pieces, stops) => {
      const { add, end, isFound } = stopSearch(stops)
      let got = ''
      let all = ''
      for (const piece of pieces) {
        all += piece
        got += add(piece)
        if (isFound()) break
      }
      got += end()
      const places = stops.map((one) => all.indexOf(one)).filter((place) => place >= 0)
      expect(isFound()).toBe(places.length > 0)
      expect(got).toBe(places.length > 0 ? all.slice(0, Math.min(...places)) : all)
    }),
    300,
  )
})
