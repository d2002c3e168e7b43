/** Weights as they are shipped: on each device the outputs of the same numbers in f32, in the memory of the format. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compile, type Compilation } from '../../compiler/compile.ts'
import { parse } from '../../compiler/graph/parse.ts'
import { createBuilder } from '../../compiler/ops/build.ts'
import { print } from '../../compiler/graph/print.ts'
import { parseKernel } from '../../compiler/kernel/ir/parse.ts'
import { printKernel } from '../../compiler/kernel/ir/print.ts'
import { verifyKernel } from '../../compiler/kernel/ir/verify.ts'
import { checkPlan } from '../../plan/check.ts'
import { FORMAT_NAMES, formatOf, type FormatName } from '../../plan/storage/formats.ts'
import type { Plan } from '../../plan/plan.ts'
import { CPU, PORTABLE, type Target } from '../../plan/target.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import { memoryCheckpoint } from '../../runtime/checkpoint/memory.ts'
import type { Device } from '../../runtime/device.ts'
import { estimate } from '../../runtime/memory.ts'
import type { Outputs } from '../../runtime/run.ts'
import { createSession } from '../../runtime/session.ts'
import { relativeError } from '../support/compare.ts'
import { open, openSoftware } from '../support/devices.ts'
import { inRun, MORE_IN_LONG, ON_DEVICES, shareOf, testRun } from '../support/runs.ts'
import { load } from '../support/sources.ts'
import { DISTINCT, randomStored, storedCheckpoint, type StoredTensor } from '../support/stored-weights.ts'

/**
 * Row look-ups, dense and grouped products of both layouts, a weight on the left, sums over rows, elementwise use, a held value.
 */
const SPEC = `
import { rms_norm } from "std/blocks/norm"
import { swiglu } from "std/experts/swiglu"
import { top_k } from "std/policies/top_k"

model m(V: int = 11, D: int = 12, F: int = 20, E: int = 3, N: int = 7) {
  input tokens: i32[T]
  param embed: f32[V, D]
  param up: f32[D, F]
  param twist: f32[N, F]
  param head: f32[V, D]
  let h = take(embed, tokens)
  let answer = moe(rms_norm(h)) {
    experts E of swiglu(F = F)
    route top_k(k = 2)
    require dropless
  }
  let wide = (h + answer) @ up
  output back: f32[T, D] = wide @ up.T
  output turned: f32[N, T] = twist @ wide.T
  output logits: f32[T, V] = (h + answer) @ head.T
  output rows: f32[V] = sum(head * head, axis = -1)
  output itself: f32[N, F] = twist
}
`

/** A look-up and a product: what an adapter compiles for each format of blocks, with rows that end with a block, or do not. */
const SMALL = (width: number): string => `
model m(V: int = 11, D: int = ${width}) {
  input tokens: i32[T]
  param embed: f32[V, D]
  param head: f32[V, D]
  output logits: f32[T, V] = take(embed, tokens) @ head.T
}
`

/** Formats with every use of a weight; of others, which differ from these in their arithmetic alone, a look-up and a product. */
const EVERY_USE: readonly FormatName[] = ['bf16', 'f16', 'fp8_128', 'mxfp4', 'q8_0', 'q4_0', 'q4_k', 'q6_k']

/** Sizes in which rows end with a block of each format, for products that load four elements at a time. */
const WIDE = SPEC.replace('D: int = 12, F: int = 20', 'D: int = 256, F: int = 256')

const compiled = (target: Target, format: FormatName | null, text = SPEC): Compilation & { readonly plan: Plan } => {
  const formats = format === null ? {} : { formats: { kind: 'all', format } as const }
  const compilation = compile({ path: 'm.smoe', text }, { target, load, ...formats })
  expect(compilation.diagnostics).toEqual([])
  return { ...compilation, plan: compilation.plan! }
}

/** A tensor for each piece of each weight, as it is in a checkpoint. */
function tensorsIn(format: FormatName, { weights }: Plan): Readonly<Record<string, StoredTensor>> {
  const tensors: Record<string, StoredTensor> = {}
  for (const { shape, pieces, stacked } of weights)
    for (const { tensor, transpose } of pieces) {
      const sizes = (stacked ? shape.slice(1) : shape).map(Number)
      const [rows, columns] = sizes.slice(-2)
      const whole = transpose ? [...sizes.slice(0, -2), columns, rows] : sizes
      tensors[tensor] ??= randomStored(format, whole, Object.keys(tensors).length)
    }
  return tensors
}

const numbersOf = (tensors: Readonly<Record<string, StoredTensor>>): Checkpoint =>
  memoryCheckpoint(
    Object.fromEntries(Object.entries(tensors).map(([name, { shape, values }]) => [name, { shape, data: values }])),
  )

async function run(device: Device, plan: Plan, checkpoint: Checkpoint, tokens: number): Promise<Outputs> {
  const session = await createSession(device, plan)
  try {
    await session.loadWeights(checkpoint)
    return await session.run({ tokens: { shape: [tokens], data: Int32Array.from({ length: tokens }, (_, at) => (at * 7) % 11) } })
  } finally {
    session.dispose()
  }
}

let cpu: Device
let adapters: readonly Device[] = []
beforeAll(async () => {
  cpu = await open('cpu')
  adapters = (await openSoftware()).filter(({ target }) => target.runs === 'webgpu')
}, 120_000)
afterAll(() => [cpu, ...adapters].forEach((device) => device.dispose()))

it('a row has the same bits alone, where bf16 is decoded in the loop over K, and among rows that share what is unpacked', async () => {
  const { plan } = compiled(CPU, 'bf16', SMALL(70))
  const tensors = tensorsIn('bf16', plan)
  const logits = async (tokens: number): Promise<readonly number[]> => {
    const { shape, data } = (await run(cpu, plan, storedCheckpoint(tensors), tokens)).logits
    expect(shape).toEqual([tokens, 11])
    return [...data].map(Number)
  }
  const all = await logits(35)
  for (const tokens of [1, 2, 3]) expect(await logits(tokens)).toEqual(all.slice(0, 11 * tokens))
})

describe.each(inRun({ short: DISTINCT, long: FORMAT_NAMES, whole: FORMAT_NAMES }))('weights in %s', ON_DEVICES, (format) => {
  it.each([
    ['cpu', CPU],
    ['webgpu', PORTABLE],
  ] as const)('a plan and kernels that verify, for %s', (_, target) => {
    const { plan, graph, programs } = compiled(target, format)
    expect(checkPlan(JSON.parse(JSON.stringify(plan))).problems).toEqual([])
    expect(plan.requires.features).toEqual([])
    expect(plan.weights.every(({ storage }) => storage?.format === format)).toBe(true)
    expect(print(parse(print(graph!), createBuilder().make))).toBe(print(graph!))
    for (const { schedule } of programs)
      for (const kernel of schedule.kernels) {
        const text = printKernel(kernel)
        expect(printKernel(parseKernel(text))).toBe(text)
        expect(verifyKernel(parseKernel(text), PORTABLE)).toEqual([])
      }
  })

  const isBlock = formatOf(format).elements > 1
  const texts = !isBlock ? [SPEC] : EVERY_USE.includes(format) ? [SPEC, WIDE] : [SMALL(20), SMALL(256)]

  // few tokens and many have products of their own
  it.each(shareOf(FORMAT_NAMES.indexOf(format) % 2 === 0 ? [2, 37] : [37, 2], 2))(
    'outputs of %i tokens on the cpu device are those of the same numbers in f32',
    MORE_IN_LONG,
    async (tokens) => {
      for (const text of texts) {
        const [stored, plain] = [compiled(CPU, format, text).plan, compiled(CPU, null, text).plan]
        const tensors = tensorsIn(format, stored)
        const got = await run(cpu, stored, storedCheckpoint(tensors), tokens)
        const expected = await run(cpu, plain, numbersOf(tensors), tokens)
        // blocks keep the layout of the file, and other layouts sum up in another order
        if (!isBlock) expect(got).toEqual(expected)
        expectNear(got, expected, 1e-6)
        const used = estimate(stored, { T: tokens }).weights / estimate(plain, { T: tokens }).weights
        if (text === WIDE || !isBlock) expect(used).toBeLessThan(0.55)
      }
    },
  )

  it.runIf(testRun !== 'short')(
    'outputs on adapters are those of the cpu device',
    async () => {
      for (const text of isBlock ? [SMALL(20), SMALL(256)] : [SPEC]) {
        const tensors = tensorsIn(format, compiled(CPU, format, text).plan)
        const expected = await run(cpu, compiled(CPU, format, text).plan, storedCheckpoint(tensors), 37)
        for (const device of adapters) {
          const got = await run(device, compiled(device.target, format, text).plan, storedCheckpoint(tensors), 37)
          expectNear(got, expected, 1e-5)
        }
      }
    },
    120_000,
  )
})

function expectNear(got: Outputs, expected: Outputs, most: number): void {
  for (const [name, { data }] of Object.entries(expected)) expect(relativeError(got[name].data, data), name).toBeLessThan(most)
}
