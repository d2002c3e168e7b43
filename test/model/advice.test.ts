/** What the checker says to write where a habit of another language is understood, and where an import finds nothing. */
import { describe, expect, test } from 'vitest'
import { check } from '../../compiler/model/check.ts'
import { parse } from '../../grammar/parse.ts'
import { place, LAYER } from '../cli/harness.ts'
import { load } from '../support/sources.ts'

const told = (text: string) => {
  const { file, diagnostics } = parse({ path: 'm.smoe', text })
  return [...diagnostics, ...check(file, { load }).diagnostics]
}

const fn = (body: string): string => `fn f(x: f32[N, D], y: f32[N, D], k: int) -> f32[N, D] {\n  ${body}\n  return x\n}\n`
const model = (body: string): string => `model m(D: int = 4, k: int = 1) {\n  input x: f32[N, D]\n  ${body}\n}\n`
const policy = (body: string): string =>
  `policy p(k: int in 1..E = 2) {\n  param gate: f32[E, D]\n  let s = x @ gate.T\n  ${body}\n}\n`
const importing = (statement: string): string => `${statement}\n${fn('')}`

interface Row {
  readonly text: string
  readonly code: string
  readonly message?: string
  readonly help: string
  /** What the fix puts in. */
  readonly fixed?: string
}

const rows: readonly Row[] = [
  // values
  ...['None', 'null', 'nil', 'undefined'].map((name): Row => ({
    text: fn(`let z = ${name}`),
    code: 'SMOE2001',
    help: 'the language has no null',
  })),
  { text: fn('let z = if True then x else y'), code: 'SMOE2001', help: 'write `true`', fixed: 'true' },
  { text: fn('let z = if False then x else y'), code: 'SMOE2001', help: 'write `false`', fixed: 'false' },
  { text: fn('let z = k and 1'), code: 'SMOE3003', help: 'conditions are comparisons' },
  { text: fn('let z = not k'), code: 'SMOE3003', help: 'conditions are comparisons' },
  {
    text: fn('let z = x and y'),
    code: 'SMOE3001',
    message: '`and` takes conditions, but `x` is f32',
    help: 'conditions are comparisons',
  },
  { text: fn('let z = x > 0 or y'), code: 'SMOE3002', help: 'cast(y, "bool")' },
  {
    text: fn('let z = not x'),
    code: 'SMOE3001',
    message: '`not` takes conditions, but `x` is f32',
    help: 'conditions are comparisons',
  },
  {
    text: model('output y = x * 2.0\n  output z = y + 1.0'),
    code: 'SMOE2001',
    help: '`let y = ...`, and then write `output y = y`',
  },
  // statements
  { text: model('return x'), code: 'SMOE2012', help: '`output y = ...`' },
  { text: model('let y = x'), code: 'SMOE2013', message: 'm has no output', help: '`output y = ...`' },
  { text: model('select top k by x\n  output y = x'), code: 'SMOE2012', help: '`policy`' },
  { text: fn('param w: f32[D]'), code: 'SMOE2012', help: '`block`' },
  { text: fn('output y = x'), code: 'SMOE2012', help: '`return`' },
  {
    text: policy('return s'),
    code: 'SMOE2012',
    help: '`select top k by scores` and then `weigh softmax(pick(scores, selected))`',
  },
  {
    text: policy('let z = s'),
    code: 'SMOE2013',
    message: 'p selects no experts and gives no weights',
    help: 'write `select top k by scores` and then `weigh softmax(pick(scores, selected))`',
  },
  {
    text: policy('select top k by s'),
    code: 'SMOE2013',
    message: 'p gives no weights',
    help: 'write `weigh softmax(pick(scores, selected))`',
  },
  {
    text: policy('weigh softmax(s)'),
    code: 'SMOE2013',
    message: '`weigh` must come after `select`',
    help: '`select top k by scores`',
  },
  {
    text: policy('keep s > 0.0'),
    code: 'SMOE2013',
    message: '`keep` must come after `select`',
    help: '`select top k by scores`',
  },
  // imports
  {
    text: importing('import { top_k } from "std/policy/top_k"'),
    code: 'SMOE2004',
    help: 'did you mean "std/policies/top_k"?',
    fixed: '"std/policies/top_k"',
  },
  {
    text: importing('import { top_k } from "std/policies/topk"'),
    code: 'SMOE2004',
    help: 'did you mean "std/policies/top_k"?',
    fixed: '"std/policies/top_k"',
  },
  {
    text: importing('import { top_k } from "top_k"'),
    code: 'SMOE2004',
    help: 'did you mean "std/policies/top_k"?',
    fixed: '"std/policies/top_k"',
  },
  {
    text: importing('import { top_k } from "./top_k.smoe"'),
    code: 'SMOE2004',
    help: 'did you mean "std/policies/top_k"?',
    fixed: '"std/policies/top_k"',
  },
  {
    text: importing('import { mine } from "std/policies/topk"'),
    code: 'SMOE2004',
    help: 'did you mean "std/policies/top_k"?',
  },
  {
    text: importing('import { swiglu } from "zzzzzzzzzzzzzz"'),
    code: 'SMOE2004',
    help: 'did you mean "std/experts/swiglu"?',
    fixed: '"std/experts/swiglu"',
  },
  { text: importing('import { mine } from "zzzzzzzzzzzzzz"'), code: 'SMOE2004', help: 'a path begins with ./ or ../' },
  {
    text: importing('import { swiglu } from "std/policies/top_k"'),
    code: 'SMOE2005',
    help: 'swiglu is declared in "std/experts/swiglu"',
  },
  { text: importing('import { topk } from "std/policies/top_k"'), code: 'SMOE2005', help: 'did you mean top_k?' },
  {
    text: importing('import { softmax } from "std/policies/top_k"'),
    code: 'SMOE2005',
    help: 'softmax needs no import',
  },
  { text: fn('let z = rms_norm(x)'), code: 'SMOE2002', help: '`import { rms_norm } from "std/blocks/norm"`' },
  {
    text: model('output y = moe(x) {\n    experts 4 of swiglu(F = 4)\n    route top_1000()\n  }')
      .replace('top_1000', 'unheard_of_policy')
      .replace('swiglu', 'unheard_of_expert'),
    code: 'SMOE2002',
    help: '',
  },
]

test.each(rows)('$text', ({ text, code, message = '', help, fixed }) => {
  const [first] = told(text)
  expect(first).toMatchObject({ code })
  expect(first.message).toContain(message)
  expect(first.help ?? '').toContain(help)
  expect(first.fix?.replacement).toBe(fixed)
})

test('a return in a model is one mistake', () => expect(told(model('return x'))).toHaveLength(1))

test('an output and a value may share a name', () =>
  expect(told(model('let y = x * 2.0\n  output y = y\n  output z = y + 1.0'))).toEqual([]))

test('what is routed without an import names the file to import', () => {
  const text = LAYER.replace(/^import .*\n/gm, '')
  expect(told(text).map(({ code, help }) => [code, help])).toEqual([
    ['SMOE2002', 'import it with `import { swiglu } from "std/experts/swiglu"`'],
    ['SMOE2002', 'import it with `import { top_k } from "std/policies/top_k"`'],
  ])
})

describe('on the command line', () => {
  test('a file beside the spec is meant', async () => {
    const route =
      'policy mine(k: int in 1..E = 2) {\n  param gate: f32[E, D]\n  let s = x @ gate.T\n  select top k by s\n  weigh softmax(pick(s, selected))\n}\n'
    const made = place({
      'main.smoe': LAYER.replace('{ top_k } from "std/policies/top_k"', '{ mine as top_k } from "./rout"'),
      'route.smoe': route,
    })
    const { code, out } = await made.smoe('check', 'main.smoe')
    expect(code).toBe(1)
    expect(out).toContain('did you mean "./route"?')
    expect(out).toContain('import { mine as top_k } from "./route"')
  })

  test('a name of a file beside the spec is found there', async () => {
    const made = place({
      'main.smoe': `import { doubled } from "./a"\n${LAYER}`,
      'a.smoe': 'fn other(x: f32[N]) -> f32[N] {\n  return x\n}\n',
      'b.smoe': 'fn doubled(x: f32[N]) -> f32[N] {\n  return x\n}\n',
    })
    expect((await made.smoe('check', 'main.smoe')).out).toContain('doubled is declared in "./b"')
  })
})
