import { expect, test } from 'vitest'
import { drawLoads, drawRoutes, loads, shade, type Routes } from '../../scripts/demo/draw.ts'

const routes: Routes = {
  tokens: ['a', 'b'],
  experts: 3,
  selected: [
    [2, 0],
    [2, 1],
  ],
  weights: [
    [0.9, 0.1],
    [0.5, 0.5],
  ],
}

test('shades grow with the weight and a chosen expert is never blank', () => {
  expect([0, 0.24, 0.25, 0.5, 0.75, 1].map(shade).join('')).toBe('░░▒▓██')
})

test('each token is a row, each expert a column', () => {
  expect(drawRoutes(routes).split('\n').slice(0, 3)).toEqual([
    ' token   0   1   2',
    '     a  ░░░  ·  ███   2 90 %, 0 10 %',
    '     b   ·  ▓▓▓ ▓▓▓   2 50 %, 1 50 %',
  ])
})

test('loads count tokens', () => {
  expect(loads(routes)).toEqual([1, 1, 2])
  expect(drawLoads(routes, 4)).toBe('expert 0  ██    1 token\nexpert 1  ██    1 token\nexpert 2  ████  2 tokens\n')
})
