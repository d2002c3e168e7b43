/** Every function of the CPU target against f64, over the whole range of f32. */
import { expect, test } from 'vitest'
import { UNARY } from '../../compiler/scalar/operations.ts'
import { floorRemainder, power } from '../../plan/arithmetic.ts'
import { createModule } from '../../compiler/wasm/module.ts'
import { FUNCTIONS, type FunctionName } from '../../compiler/wasm/math/functions.ts'
import { inRun, MORE_IN_LONG } from '../support/runs.ts'

const PAGE = 65536
const pages = 256
const NAMES = Object.keys(FUNCTIONS).filter((name) => name !== 'random_bits') as Exclude<FunctionName, 'random_bits'>[]

/** `name(count)` applies the function to vectors at 0 (and at a quarter of memory) and puts the results at half of it. */
function instance(): { readonly memory: Float32Array; readonly run: Readonly<Record<string, (vectors: number) => void>> } {
  const module = createModule({ minimum: pages, maximum: pages, shared: false })
  const [second, out] = [(pages * PAGE) / 4, (pages * PAGE) / 2]
  for (const name of NAMES) {
    const { operands } = FUNCTIONS[name]
    const parameters = Array.from({ length: operands }, () => 'v128' as const)
    const compute = module.add({ parameters, results: ['v128'] }, (body) => FUNCTIONS[name].emit(body))
    module.add(
      { parameters: ['i32'], results: [] },
      (body) => {
        const at = body.local('i32')
        body.loop(() => {
          body.get(at)
          for (let operand = 0; operand < operands; operand++) {
            body.get(at)
            body.load('v128.load', operand * second)
          }
          body.call(compute)
          body.store('v128.store', out)
          body.get(at)
          body.i32(16)
          body.op('i32.add')
          body.tee(at)
          body.get(0)
          body.op('i32.lt_u')
          body.branchIf(0)
        })
      },
      name,
    )
  }
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.take()), { env: { memory } })
  return { memory: new Float32Array(memory.buffer), run: exports as Record<string, (bytes: number) => void> }
}

const EXACT: { readonly [N in Exclude<FunctionName, 'random_bits'>]: (x: number, y: number) => number } = {
  exp: Math.exp,
  log: Math.log,
  log1p: Math.log1p,
  sin: Math.sin,
  cos: Math.cos,
  atan: Math.atan,
  tanh: Math.tanh,
  erf: UNARY.erf.real,
  sigmoid: UNARY.sigmoid.real,
  softplus: UNARY.softplus.real,
  power,
  remainder: floorRemainder,
}

const LEAST_NORMAL = 2 ** -126

/** In units in the last place of the nearest f32. */
function errorOf(got: number, want: number): number {
  if (Number.isNaN(want)) return Number.isNaN(got) ? 0 : Infinity
  const nearest = Math.fround(want)
  if (got === nearest)
    return Math.abs(want - got) === Infinity || !Number.isFinite(want) ? 0 : Math.abs(got - want) / unitOf(want)
  if (Math.abs(want) < LEAST_NORMAL && got === 0) return 0
  if (!Number.isFinite(nearest)) return Math.abs(got) > 3.4028e38 ? 1 : Infinity
  return Math.abs(got - want) / unitOf(want)
}
const unitOf = (x: number): number => 2 ** (Math.max(-126, Math.floor(Math.log2(Math.abs(x)))) - 23)

const { memory, run } = instance()
const COUNT = 1 << 20
const words = new Uint32Array(memory.buffer)
const EDGES = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  2,
  -2,
  3,
  -3,
  Infinity,
  -Infinity,
  NaN,
  1e-45,
  -1e-45,
  1.1754943508222875e-38,
  3.4028234663852886e38,
]

/** Every 4,093rd bit pattern of f32: all exponents, about 2,000 mantissas of each. */
const spread = (at: number): number => Math.imul(at, 4093) >>> 0

for (const name of NAMES.filter((name) => FUNCTIONS[name].operands === 1)) {
  test(`${name} is within ${FUNCTIONS[name].ulp} units in the last place over the whole of f32`, () => {
    for (let at = 0; at < COUNT; at++) words[at] = spread(at)
    EDGES.forEach((edge, at) => (memory[at] = edge))
    run[name](4 * COUNT)
    const out = memory.subarray(memory.length / 2, memory.length / 2 + COUNT)
    let [worst, at] = [0, 0]
    for (let i = 0; i < COUNT; i++) {
      // beyond 2^20 sin and cos promise an absolute bound
      if ((name === 'sin' || name === 'cos') && Math.abs(memory[i]) > 2 ** 20) continue
      const error = errorOf(out[i], EXACT[name](memory[i], 0))
      if (error > worst) [worst, at] = [error, i]
    }
    expect(worst, `at ${memory[at]}: ${out[at]}, exactly ${EXACT[name](memory[at], 0)}`).toBeLessThanOrEqual(FUNCTIONS[name].ulp)
  })
}

for (const name of ['sin', 'cos'] as const) {
  test(`${name} of what is larger than 2^20 is within 1e-7`, () => {
    for (let at = 0; at < COUNT; at++) words[at] = spread(at)
    run[name](4 * COUNT)
    for (let i = 0; i < COUNT; i++) {
      const [x, got] = [memory[i], memory[memory.length / 2 + i]]
      if (!(Math.abs(x) > 2 ** 20)) continue
      if (!Number.isFinite(x)) expect(got).toBeNaN()
      else if (!(Math.abs(got - EXACT[name](x, 0)) < 1e-7)) expect.fail(`${name}(${x}) is ${got}`)
    }
  })
}

test.each(['sin', 'cos'] as const)('%s of an angle is the same beside an angle that is far', (name) => {
  const vectors = 1 << 12
  const runOn = (first: (vector: number) => number): readonly number[] => {
    for (let at = 0; at < 4 * vectors; at++) memory[at] = at % 4 === 0 ? first(at / 4) : (at - 2 * vectors) * 0.37
    run[name](16 * vectors)
    return [...memory.subarray(memory.length / 2, memory.length / 2 + 4 * vectors)]
  }
  const [near, far] = [runOn(() => 0.25), runOn((vector) => 2 ** 20 + 1 + vector)]
  const beside = (all: readonly number[]): readonly number[] => all.filter((_, at) => at % 4 !== 0)
  expect(beside(far)).toEqual(beside(near))
})

test.each(['power', 'remainder'] as const)('%s is within its bound, edges as the reference has them', MORE_IN_LONG, (name) => {
  const second = memory.length / 4
  const exponents = [...EDGES, 1.5, -1.5, 2.5, 10, -10, 0.1, 33, -33, 7, -7, 64.25, 1e-3, 1e10]
  let [worst, said] = [0, '']
  for (let from = 0; from < exponents.length; from += inRun({ short: 8, long: 2, whole: 2 })) {
    for (let at = 0; at < COUNT; at++) words[at] = spread(at)
    // positive bases of ordinary size beside all of f32
    for (let at = 0; at < COUNT / 2; at++) memory[at] = 2 ** ((at / COUNT) * 40 - 10)
    EDGES.forEach((edge, at) => memory.fill(edge, at * exponents.length, (at + 1) * exponents.length))
    for (let at = 0; at < COUNT; at++)
      memory[second + at] =
        exponents[at < EDGES.length * exponents.length ? at % exponents.length : (from + (at & 1)) % exponents.length]
    run[name](4 * COUNT)
    for (let i = 0; i < COUNT; i++) {
      const [a, b, got] = [memory[i], memory[second + i], memory[2 * second + i]]
      const error = errorOf(got, EXACT[name](a, b))
      if (error > worst) [worst, said] = [error, `${name}(${a}, ${b}) is ${got}, exactly ${EXACT[name](a, b)}`]
    }
  }
  expect(worst, said).toBeLessThanOrEqual(FUNCTIONS[name].ulp)
})

test.each(['log1p', 'sin', 'atan', 'tanh', 'erf'] as const)('%s keeps the sign of a zero', (name) => {
  memory.set([0, -0, 0, -0])
  run[name](16)
  expect([...memory.subarray(memory.length / 2, memory.length / 2 + 4)]).toEqual([0, -0, 0, -0])
})
