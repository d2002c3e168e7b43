import { expect, test } from 'vitest'
import { missing, stepsOf } from './tour.ts'

const page = ['```', '$ one \\', '    --more', 'first', '$ two', '```', '```ts', '$ three', '```', ''].join('\n')

test('steps are the commands of a page and their output', () => {
  expect(stepsOf(page)).toEqual([
    { command: 'one --more', output: ['first'] },
    { command: 'two', output: [] },
  ])
})

test('lines are compared without times, errors and width', () => {
  expect(missing(['ready in 12 ms', 'a  7.1e-7'], ['ready in 3.5 ms', 'a 9.2e-6'])).toBeNull()
  expect(missing(['on cpu, 2 threads: asked'], ['on cpu, 1 thread: asked'])).toBeNull()
  expect(missing(['ready in 12 ms'], ['ready in 12 s'])).toContain('ready in # ms')
  expect(missing(['a', '...', 'd'], ['a', 'b', 'c', 'd'])).toBeNull()
  expect(missing(['a', 'd'], ['a', 'b', 'd'])).toContain('d')
  expect(missing(['48 of 48'], ['47 of 48'])).toContain('48 of 48')
})
