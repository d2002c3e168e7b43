import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Matmul } from '../../../compiler/kernel/matmul.ts'
import type { RoutineText } from '../../../compiler/wgsl/routine.ts'
import { emitMatmulPlain } from '../../../compiler/wgsl/routines/matmul_plain.wgsl.ts'
import { emitMatmulSubgroup } from '../../../compiler/wgsl/routines/matmul_subgroup.wgsl.ts'
import { emitMatmulTiled } from '../../../compiler/wgsl/routines/matmul_tiled.wgsl.ts'
import { emitMatmulVector } from '../../../compiler/wgsl/routines/matmul_vector.wgsl.ts'
import type { Speller } from '../../../compiler/wgsl/speller.ts'
import type { Device } from '../../../runtime/device.ts'
import { openAdapters, prepare, spellerFor } from './harness.ts'
import { makeCase, worstError, type CaseShape } from './matmul-case.ts'

interface Emitter {
  readonly name: string
  readonly aligned: boolean
  /** Barriers take SwiftShader a second to compile. */
  readonly slow?: boolean
  readonly emit: (matmul: Matmul, lanes: number, spell: Speller) => RoutineText
}

/** Small and odd tiles: every edge is met at small sizes. */
const EMITTERS: readonly Emitter[] = [
  {
    name: 'matmul_subgroup',
    aligned: true,
    emit: (matmul, lanes, spell) => emitMatmulSubgroup(matmul, { lanes, rows: 12, columns: 2, depth: 1, next: 'rows' }, spell),
  },
  {
    name: 'matmul_subgroup, two vectors of depth a step',
    aligned: true,
    emit: (matmul, lanes, spell) => emitMatmulSubgroup(matmul, { lanes, rows: 3, columns: 1, depth: 2, next: 'columns' }, spell),
  },
  {
    name: 'matmul_tiled',
    aligned: true,
    slow: true,
    emit: (matmul, _, spell) => emitMatmulTiled(matmul, { rows: 8, columns: 16, depth: 3, rowsEach: 2, columnsEach: 4 }, spell),
  },
  {
    name: 'matmul_vector, by subgroup',
    aligned: false,
    emit: (matmul, lanes, spell) => emitMatmulVector(matmul, { lanes, rows: 2, columns: 3, combine: 'subgroup' }, spell),
  },
  {
    name: 'matmul_vector, by workgroup',
    aligned: false,
    emit: (matmul, _, spell) => emitMatmulVector(matmul, { lanes: 16, rows: 2, columns: 3, combine: 'workgroup' }, spell),
  },
  {
    name: 'matmul_plain',
    aligned: false,
    emit: (matmul, _, spell) => emitMatmulPlain(matmul, { lanes: 8, rows: 3, columns: 2 }, spell),
  },
]

const sizes = (aligned: boolean) => ({
  rows: fc.integer({ min: 1, max: 70 }),
  columns: fc.integer({ min: 1, max: 70 }),
  depth: aligned ? fc.integer({ min: 1, max: 33 }).map((quarter) => quarter * 4) : fc.integer({ min: 1, max: 130 }),
  seed: fc.integer(),
})

/** A kernel of its own for nearly every case. */
const anyShape = (aligned: boolean): fc.Arbitrary<CaseShape> =>
  fc.record({
    ...sizes(aligned),
    grouping: fc.constantFrom('dense', 'batched', 'direct', 'ordered'),
    products: fc.constantFrom(1, 2, 3),
    experts: fc.integer({ min: 1, max: 6 }),
    tile: fc.constantFrom(1, 4, 5, 8),
    symbolic: fc.boolean(),
    gathered: fc.boolean(),
  })

/** All sizes are symbols, so two kernels take every case: lavapipe compiles for seconds what it has not seen. */
const symbolicShape = (aligned: boolean): fc.Arbitrary<CaseShape> =>
  fc.oneof(
    fc.record({ ...sizes(aligned), ...constants({ grouping: 'ordered', products: 2, gathered: true }) }),
    fc.record({ ...sizes(aligned), ...constants({ grouping: 'dense', products: 1, gathered: false }) }),
  )

const constants = ({ grouping, products, gathered }: Pick<CaseShape, 'grouping' | 'products' | 'gathered'>) => ({
  grouping: fc.constant(grouping),
  products: fc.constant(products),
  gathered: fc.constant(gathered),
  experts: fc.constant(5),
  tile: fc.constant(4),
  symbolic: fc.constant(true),
})

let devices: readonly Device[] = []
beforeAll(async () => {
  devices = await openAdapters()
})
afterAll(() => devices.forEach((device) => device.dispose()))

async function errorOf(device: Device, emitter: Emitter, shape: CaseShape): Promise<number> {
  const { matmul, bounds, values, expected } = makeCase(shape)
  const routine = emitter.emit(matmul, device.target.subgroupSize!, spellerFor(values))
  const prepared = await prepare(device, routine, bounds, values)
  prepared.submit()
  const actual = await prepared.read('y')
  prepared.dispose()
  return worstError(actual, expected)
}

const ADAPTERS = [
  { adapter: 'SwiftShader', shapes: anyShape, runs: 25 },
  { adapter: 'llvmpipe', shapes: symbolicShape, runs: 25 },
]

describe.each(EMITTERS)('$name', (emitter) => {
  test.each(ADAPTERS)('multiplies as f64 does, on $adapter', async ({ adapter, shapes, runs }) => {
    const device = devices.find(({ target }) => target.name.includes(adapter))
    if (device === undefined) return
    await fc.assert(
      fc.asyncProperty(shapes(emitter.aligned), async (shape) => {
        expect(await errorOf(device, emitter, shape)).toBeLessThan(3e-6)
      }),
      { numRuns: emitter.slow ? runs / 5 : runs, endOnFailure: true },
    )
  }, 120_000)
})

test('an adapter was there to ask', () => {
  expect(devices.length).toBeGreaterThan(0)
})
