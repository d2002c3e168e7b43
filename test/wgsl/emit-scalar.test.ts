import { expect, test } from 'vitest'
import {
  add,
  binary,
  element,
  f32,
  less,
  load,
  multiply,
  reduce,
  size,
  u32,
  unary,
  variable,
} from '../../compiler/scalar/build.ts'
import type { Expression, Statement } from '../../compiler/scalar/expression.ts'
import {
  allReduceTypes,
  createScalarEmitter,
  declareAllReduce,
  emitDim,
  type ScalarEmitterOptions,
} from '../../compiler/wgsl/emit-scalar.ts'
import { ceilDivide, dim, subtract, symbol } from '../../plan/dim.ts'

const written = (statements: readonly Statement[], options: Partial<ScalarEmitterOptions> = {}): string =>
  createScalarEmitter({ dims: ['T'], threads: 8, oneSubgroup: false, ...options }).statements(statements, 0)

const at = variable('u32', 'i')
const x = load('f32', 'x', at)
const store = (value: Expression): Statement => ({ kind: 'store', buffer: 'y', index: at, value })
const exp = unary('exp', x)

test('a value used twice is computed once', () => {
  expect(written([store(multiply(exp, add(exp, f32(1))))])).toMatchInlineSnapshot(`
    "let v0 = smoe_exp(load_x(i));
    store_y(i, (v0 * (v0 + 1.0f)));
    "
  `)
})

test('a value used once, a literal and a variable stay where they stand', () => {
  expect(written([store(add(exp, f32(1))), store(add(f32(1), variable('f32', 'a')))])).not.toContain('let')
})

test('what is stored to is read anew', () => {
  const y = load('f32', 'y', at)
  const text = written([store(add(y, f32(1))), store(multiply(y, y))])
  expect(text).not.toContain('let')
  expect(text.match(/load_y/g)).toHaveLength(3)
})

test('what a variable holds is never named, nor what depends on it; what does not is', () => {
  const a = variable('f32', 'a')
  const text = written([
    { kind: 'var', name: 'a', value: f32(0) },
    { kind: 'assign', name: 'a', value: add(unary('exp', a), exp) },
    { kind: 'assign', name: 'a', value: multiply(unary('exp', a), exp) },
  ])
  expect(text).toMatchInlineSnapshot(`
    "var a = 0.0f;
    let v0 = smoe_exp(load_x(i));
    a = (smoe_exp(a) + v0);
    a = (smoe_exp(a) * v0);
    "
  `)
})

test('a name made in a branch is not seen behind it', () => {
  const twice = store(multiply(exp, exp))
  const [within, behind] = written([{ kind: 'if', condition: less(at, size('T')), body: [twice], otherwise: [] }, twice]).split(
    '\n}\n',
  )
  const names = (text: string): readonly string[] => [...text.matchAll(/let (v\d+) =/g)].map(([, name]) => name)
  expect(names(within)).not.toEqual([])
  for (const name of names(within)) expect(behind).not.toMatch(new RegExp(`\\b${name}\\b`))
})

test('an element of an array may have changed: it is read each time', () => {
  const a = element('f32', 'a', at)
  expect(written([store(multiply(a, a))])).toBe('store_y(i, (a[i] * a[i]));\n')
})

test('a sum within an expression is a loop before it, once for all its uses', () => {
  const sum = reduce('sum', 'j', u32(4), load('f32', 'x', add(multiply(at, u32(4)), variable('u32', 'j'))))
  const text = written([store(binary('divide', sum, add(sum, f32(1))))])
  expect(text.match(/for \(/g)).toHaveLength(1)
  expect(text).toContain('store_y(i, (total0 / (total0 + 1.0f)));')
})

test('a sum over what changes holds for one statement alone', () => {
  const sum = reduce('sum', 'j', u32(4), load('f32', 'y', variable('u32', 'j')))
  expect(written([store(sum), store(sum)]).match(/for \(/g)).toHaveLength(2)
})

test('a workgroup is folded in halves, a subgroup by its own word, a single thread not at all', () => {
  const fold: readonly Statement[] = [
    { kind: 'var', name: 'a', value: f32(0) },
    { kind: 'all-reduce', name: 'a', opcode: 'sum', type: 'f32' },
  ]
  const options = { dims: [], threads: 8, oneSubgroup: false }
  const writer = createScalarEmitter(options)
  const text = writer.statements(fold, 0)
  expect([...text.matchAll(/thread < (\d+)u/g)].map(([, width]) => width)).toEqual(['4', '2', '1'])
  expect(allReduceTypes(fold, options).map((type) => declareAllReduce(type, options))).toEqual([
    'var<workgroup> combine_f32: array<f32, 8>;',
  ])
  expect(written(fold, { oneSubgroup: true })).toContain('a = subgroupAdd(a);')
  expect(written(fold, { threads: 1 })).toBe('var a = 0.0f;\n')
})

test('literals alone are no constant expression of WGSL, which may have no value that overflows', () => {
  expect(createScalarEmitter({ dims: [], threads: 1, oneSubgroup: false }).expression(unary('exp', f32(1000)))).toBe(
    'smoe_exp(smoe_real(0x447a0000u))',
  )
})

test('dims: what is added first, so that nothing falls below zero; divisions by name', () => {
  const T = symbol('T')
  expect(emitDim(T, ['T'])).toBe('dim_T()')
  expect(emitDim(subtract(T, 1), ['T'])).toBe('(dim_T() - 1u)')
  expect(emitDim(ceilDivide(T, dim(64)), ['T'])).toBe('(smoe_ceil_divide(dim_T(), 64u))')
  expect(() => emitDim(symbol('S'), ['T'])).toThrow('S is not a dim of the plan')
})

const nesting = (text: string): number =>
  [...text].reduce(
    ({ open, most }, sign) => {
      const now = open + Number(sign === '(') - Number(sign === ')')
      return { open: now, most: Math.max(most, now) }
    },
    { open: 0, most: 0 },
  ).most

test.each(['exp', 'softplus', 'negate'] as const)(
  'no line holds more brackets inside of one another than compilers take: 500 of %s',
  (word) => {
    const chain = Array.from({ length: 500 }).reduce<Expression>((before) => unary(word, add(before, f32(1))), x)
    const text = written([store(chain)])
    expect(nesting(text)).toBeLessThan(100)
    expect(text.match(/let/g)!.length).toBeGreaterThan(10)
  },
)

test('a name that only keeps a line short does not outlive its statement, where what it holds may change', () => {
  const own = load('f32', 'y', at)
  const chain = Array.from({ length: 60 }).reduce<Expression>((before) => unary('exp', before), own)
  const text = written([store(chain), store(chain)])
  expect(text.match(/load_y/g)).toHaveLength(2)
})
