/** Files whose declarations are known to be right are not checked alone. */
import { expect, test } from 'vitest'
import { check } from '../../compiler/model/check.ts'
import type { Load } from '../../compiler/model/modules/load.ts'
import { parse } from '../../grammar/parse.ts'
import type { Source } from '../../grammar/source.ts'

const other: Source = {
  path: 'other.smoe',
  text: 'fn right(x: f32[T]) -> f32[T] {\n  return x\n}\n\nfn wrong(x: f32[T]) -> f32[T] {\n  return x + nothing\n}\n',
}

const loads = (isChecked?: Load['isChecked']): Load =>
  Object.assign((path: string): Source | null => (path === './other' ? other : null), { isChecked })

function messagesOf(call: string, load: Load): readonly string[] {
  const text = `import { right, wrong } from "./other"\n\nmodel m() {\n  input x: f32[4]\n  output y = ${call}(x)\n}\n`
  const { file } = parse({ path: 'root.smoe', text })
  return check(file, { load }).diagnostics.map(({ message, span }) => `${span.source.path}: ${message}`)
}

test('by default every declaration of every file is checked', () => {
  expect(messagesOf('right', loads())).toEqual([expect.stringContaining('other.smoe: ')])
  expect(
    messagesOf(
      'right',
      loads(() => false),
    ),
  ).toEqual(messagesOf('right', loads()))
})

test('those of a file known to be right are checked where they are called', () => {
  const load = loads(({ path }) => path === 'other.smoe')
  expect(messagesOf('right', load)).toEqual([])
  expect(messagesOf('wrong', load)).toEqual([expect.stringContaining('root.smoe: wrong: ')])
})

test('the file that is checked is known for nothing', () => {
  const { file } = parse(other)
  expect(check(file, { load: loads(() => true) }).diagnostics).toHaveLength(1)
})
