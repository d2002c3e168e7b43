/** `when training` as it is read and laid out. */
import { expect, test } from 'vitest'
import { parse } from '../../grammar/parse.ts'
import { print } from '../../grammar/print.ts'

const policy = (head: string): string => `policy p() {\n  when training${head} {\n    loss late = step / 100\n  }\n}\n`
const read = (head: string) => parse({ path: 'p.smoe', text: policy(head) })

test.each([
  '',
  ' at 0.1',
  ' after 0.5',
  ' at 0.1 after 0.05, at_most 2 layers a step',
  ', at_most 1 layers a step',
  ', all layers together',
  ' at 0.2 * (1.0 - progress), all layers together',
  ' at step / 100 after 0.5, all layers together',
])('when training%s', (head) => {
  const { file, diagnostics } = read(head)
  expect(diagnostics).toEqual([])
  expect(print(file)).toBe(policy(head))
  const [
    {
      body: [statement],
    },
  ] = file.declarations
  expect(statement).toMatchObject({ kind: 'when-training', ...(head.includes('together') ? { isTogether: true } : {}) })
  expect('isTogether' in statement).toBe(head.includes('together'))
})

test('over several lines', () => {
  const { file, diagnostics } = read(' at 0.2\n    after 0.1, all layers\n    together')
  expect(diagnostics).toEqual([])
  expect(print(file)).toBe(policy(' at 0.2 after 0.1, all layers together'))
})

test.each([
  [' at 0.1, all layers', 'together'],
  [' at 0.1, all together', 'layers'],
  [', some layers together', 'some'],
  [' at 0.1, at_most 2 layers a step, all layers together', '{'],
])('when training%s has no such form', (head, wanted) => {
  const [{ code, message }] = read(head).diagnostics
  expect([code, message]).toEqual(['SMOE1001', expect.stringContaining(wanted)])
})
