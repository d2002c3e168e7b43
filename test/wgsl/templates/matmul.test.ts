import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Matmul } from '../../../compiler/kernel/ir/matmul.ts'
import { isMnMajor } from '../../../compiler/wgsl/templates/mn-major.ts'
import type { TemplateCode } from '../../../compiler/wgsl/template-code.ts'
import { emitMatmulPlain } from '../../../compiler/wgsl/templates/matmul_plain.wgsl.ts'
import { emitMatmulSubgroup } from '../../../compiler/wgsl/templates/matmul_subgroup.wgsl.ts'
import { emitMatmulTiled } from '../../../compiler/wgsl/templates/matmul_tiled.wgsl.ts'
import { emitMatmulVector } from '../../../compiler/wgsl/templates/matmul_vector.wgsl.ts'
import type { ScalarEmitter } from '../../../compiler/wgsl/scalar-emitter.ts'
import type { Device } from '../../../runtime/device.ts'
import { open, softwareAdapters, softwareDevices } from '../../support/devices.ts'
import { ON_DEVICES, testRun, type SoftwareAdapter } from '../../support/runs.ts'
import { prepare, emitterFor } from './harness.ts'
import { makeCase, worstError, type CaseShape } from './matmul-case.ts'
import { assertProperty, fuzzTimeout } from '../../support/property.ts'

interface Emitter {
  readonly name: string
  readonly aligned: boolean
  /** Barriers take SwiftShader a second to compile. */
  readonly slow?: boolean
  readonly emit: (matmul: Matmul, threads: number, emit: ScalarEmitter) => TemplateCode
}

/** An MN-major bank is read four columns at a time. */
const columnsOf = (matmul: Matmul, wanted: number): number => (matmul.rights.some(isMnMajor) ? 4 : wanted)

/** Small and odd tiles, so that small sizes have every kind of edge. */
const EMITTERS: readonly Emitter[] = [
  {
    name: 'matmul_subgroup',
    aligned: true,
    emit: (matmul, threads, emit) =>
      emitMatmulSubgroup(matmul, { threads, rows: 12, columns: columnsOf(matmul, 2), kVectors: 1, rasterAlong: 'rows' }, emit),
  },
  {
    name: 'matmul_subgroup, two vectors of K a step',
    aligned: true,
    emit: (matmul, threads, emit) =>
      emitMatmulSubgroup(
        matmul,
        { threads, rows: isMnMajor(matmul.left) ? 8 : 3, columns: columnsOf(matmul, 1), kVectors: 2, rasterAlong: 'columns' },
        emit,
      ),
  },
  {
    name: 'matmul_tiled',
    aligned: true,
    slow: true,
    emit: (matmul, _, emit) => emitMatmulTiled(matmul, { rows: 8, columns: 16, kVectors: 3, rowsEach: 2, columnsEach: 4 }, emit),
  },
  {
    name: 'matmul_vector, by subgroup',
    aligned: false,
    emit: (matmul, threads, emit) =>
      emitMatmulVector(matmul, { threads, rows: 2, columns: columnsOf(matmul, 3), reduceIn: 'subgroup' }, emit),
  },
  {
    name: 'matmul_vector, by workgroup',
    aligned: false,
    slow: true,
    emit: (matmul, _, emit) =>
      emitMatmulVector(matmul, { threads: 16, rows: 2, columns: columnsOf(matmul, 3), reduceIn: 'workgroup' }, emit),
  },
  {
    name: 'matmul_plain',
    aligned: false,
    emit: (matmul, _, emit) =>
      emitMatmulPlain(matmul, { threads: 8, rows: isMnMajor(matmul.left) ? 4 : 3, columns: columnsOf(matmul, 2) }, emit),
  },
]

const upTo70 = fc.integer({ min: 1, max: 70 })
const multipleOf4 = (most: number): fc.Arbitrary<number> => fc.integer({ min: 1, max: most / 4 }).map((quarter) => quarter * 4)

const sizes = (aligned: boolean) => ({
  rows: upTo70,
  columns: upTo70,
  depth: aligned ? multipleOf4(132) : fc.integer({ min: 1, max: 130 }),
  seed: fc.integer(),
})

const others = {
  products: fc.constantFrom(1, 2, 3),
  experts: fc.integer({ min: 1, max: 6 }),
  tile: fc.constantFrom(1, 4, 5, 8),
  symbolic: fc.boolean(),
  gathered: fc.boolean(),
}

/** A kernel of its own for nearly every case. */
const anyShape = (aligned: boolean): fc.Arbitrary<CaseShape> =>
  fc.record({ ...sizes(aligned), ...others, grouping: fc.constantFrom('dense', 'batched', 'lookup', 'sorted') })

/** MN-major operands, in each combination that a grouping allows. Where no operand is K-major, K may have any size. */
const mnMajorShape = (aligned: boolean): fc.Arbitrary<CaseShape> =>
  fc
    .constantFrom(
      ['dense', true, true],
      ['dense', true, false],
      ['dense', false, true],
      ['batched', true, true],
      ['batched', false, true],
      ['sorted', false, true],
      ['lookup', false, true],
      ['outer', true, true],
      ['outer', true, true],
    )
    .chain(([grouping, left, right]) => {
      const size = aligned ? multipleOf4(68) : upTo70
      return fc.record({
        ...sizes(aligned && !(left && right)),
        ...others,
        grouping: fc.constant(grouping as CaseShape['grouping']),
        // rows of a batch are a multiple of four where they are in all
        experts: fc.constantFrom(1, 2, 4),
        rows: aligned && left ? multipleOf4(68).map((rows) => (grouping === 'batched' ? 4 * rows : rows)) : upTo70,
        columns: right ? size : upTo70,
        mnMajor: fc.constant({ left: left as boolean, right: right as boolean }),
      })
    })

/** All sizes are symbols, so two kernels take every case: lavapipe compiles for seconds what it has not seen. */
const symbolicShape = (aligned: boolean): fc.Arbitrary<CaseShape> =>
  fc.oneof(
    fc.record({ ...sizes(aligned), ...constants({ grouping: 'sorted', products: 2, gathered: true }) }),
    fc.record({ ...sizes(aligned), ...constants({ grouping: 'dense', products: 1, gathered: false }) }),
  )

/** The same for MN-major operands: the rows of an expert as K, and one bank in both layouts. */
const symbolicMnMajor = (aligned: boolean): fc.Arbitrary<CaseShape> => {
  const size = aligned ? multipleOf4(68) : upTo70
  return fc.oneof(
    fc.record({ ...sizes(false), rows: size, columns: size, ...constants({ grouping: 'outer', products: 1, gathered: true }) }),
    fc.record({
      ...sizes(aligned),
      columns: size,
      ...constants({ grouping: 'sorted', products: 1, gathered: false }),
      mnMajor: fc.constant({ left: false, right: true }),
    }),
  )
}

const constants = ({ grouping, products, gathered }: Pick<CaseShape, 'grouping' | 'products' | 'gathered'>) => ({
  grouping: fc.constant(grouping),
  products: fc.constant(products),
  gathered: fc.constant(gathered),
  experts: fc.constant(5),
  tile: fc.constant(4),
  symbolic: fc.constant(true),
})

const here = testRun === 'short' ? await softwareAdapters() : await softwareDevices()
const devices = new Map<string, Device>()
beforeAll(async () => {
  for (const adapter of here) devices.set(adapter, await open(adapter))
})
afterAll(() => devices.forEach((device) => device.dispose()))

async function errorOf(device: Device, emitter: Emitter, shape: CaseShape): Promise<number> {
  const { matmul, bounds, values, expected } = makeCase(shape)
  const template = emitter.emit(matmul, device.target.subgroupSize!, emitterFor(values))
  const prepared = await prepare(device, template, bounds, values)
  prepared.submit()
  const actual = await prepared.read('y')
  prepared.dispose()
  return worstError(actual, expected)
}

/** Each run compiles for the sizes that its time allows: SwiftShader takes long for kernels with barriers, lavapipe for all. */
const SCENES = [
  { run: 'short', adapter: 'swiftshader', layout: 'K-major', shapes: symbolicShape, runs: 10 },
  { run: 'short', adapter: 'swiftshader', layout: 'MN-major', shapes: symbolicMnMajor, runs: 10 },
  { run: 'long', adapter: 'swiftshader', layout: 'K-major', shapes: anyShape, runs: 25 },
  { run: 'long', adapter: 'swiftshader', layout: 'MN-major', shapes: mnMajorShape, runs: 35 },
  { run: 'long', adapter: 'lavapipe', layout: 'K-major', shapes: symbolicShape, runs: 25 },
  { run: 'long', adapter: 'lavapipe', layout: 'MN-major', shapes: symbolicMnMajor, runs: 25 },
]

const scenes = SCENES.filter(
  ({ run, adapter }) => (run === 'short') === (testRun === 'short') && here.includes(adapter as SoftwareAdapter),
)

describe.each(EMITTERS)('$name', ON_DEVICES, (emitter) => {
  test.each(scenes)(
    'multiplies as f64 does, $layout, on $adapter',
    async ({ adapter, shapes, runs }) => {
      const device = devices.get(adapter)!
      await assertProperty(
        fc.asyncProperty(shapes(emitter.aligned), async (shape) => {
          expect(await errorOf(device, emitter, shape)).toBeLessThan(3e-6)
        }),
        emitter.slow ? runs / 5 : runs,
        { endOnFailure: true },
      )
    },
    fuzzTimeout(120_000),
  )
})

test('an adapter was there to ask', ON_DEVICES, () => {
  expect(devices.size).toBeGreaterThan(0)
})
