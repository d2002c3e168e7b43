/** Names and state of outputs by their roles. */
import { expect, test } from 'vitest'
import { outputName, replacementProblem, reportOf, roleText, shortReportName, type OutputRole } from '../../plan/output-role.ts'

const GRADIENT: OutputRole = { kind: 'gradient', of: 'head' }
const FIRST: OutputRole = { kind: 'optimizer_state', state: 'first', of: 'head' }

test.each<[OutputRole, string, string]>([
  [{ kind: 'loss', path: '', term: 'next' }, 'loss.next', 'loss path "" term "next"'],
  [
    { kind: 'loss', path: 'layers.0.moe.router', term: 'balance' },
    'loss.layers.0.moe.router.balance',
    'loss path "layers.0.moe.router" term "balance"',
  ],
  [{ kind: 'metric', path: '', term: 'accuracy' }, 'metric.accuracy', 'metric path "" term "accuracy"'],
  [{ kind: 'routing', layer: 'layers.0/moe', part: 'rows' }, 'layers.0/moe.rows', 'routing layer "layers.0/moe" part "rows"'],
  [{ kind: 'norm' }, 'norm', 'norm'],
  [{ kind: 'weight', of: 'head' }, 'next.head', 'weight of "head"'],
  [GRADIENT, 'gradient.head', 'gradient of "head"'],
  [FIRST, 'next.first.head', 'optimizer_state state "first" of "head"'],
  [{ kind: 'f16_copy', of: 'head' }, 'next.f16.head', 'f16_copy of "head"'],
])('%j is called %s', (role, name, text) => {
  expect(outputName(role)).toBe(name)
  expect(roleText(role)).toBe(text)
})

test.each<[OutputRole, string | undefined, string | null]>([
  [{ kind: 'norm' }, undefined, null],
  [{ kind: 'norm' }, 'head', 'an output of the role norm replaces head'],
  [GRADIENT, undefined, null],
  [GRADIENT, 'gradient.head', null],
  [GRADIENT, 'head', 'an output of the role gradient replaces head, not gradient.head'],
  [{ kind: 'weight', of: 'head' }, 'head', null],
  [FIRST, 'first.head', null],
  [FIRST, undefined, 'an output of the role optimizer_state replaces nothing, not first.head'],
])('%j that replaces %s', (role, replaces, problem) => expect(replacementProblem(role, replaces)).toBe(problem))

test.each([
  ['loss.next', '', 'next', 'next'],
  ['metric.accuracy', '', 'accuracy', 'accuracy'],
  ['loss.layers.0.moe.router.balance', 'layers.0.moe.router', 'balance', 'layers.0.moe.router.balance'],
  ['loss', '', 'loss', 'loss'],
  ['x.y', '', 'x.y', 'x.y'],
])('the report %s', (name, path, term, short) => {
  expect(reportOf(name)).toEqual({ path, term })
  expect(shortReportName(name)).toBe(short)
})
