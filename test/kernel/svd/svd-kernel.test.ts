/** Decomposition by the kernel: on the host in f64 for what it means, on devices for what f32 makes of it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { product, evaluate as sizeOf } from '../../../plan/dim.ts'
import { PORTABLE, type Target } from '../../../plan/target.ts'
import { evaluateKernels, type Memory } from '../../../compiler/kernel/ir/evaluate.ts'
import { LimitError } from '../../../compiler/kernel/limit-error.ts'
import { schedule } from '../../../compiler/kernel/schedule.ts'
import { bindDims } from '../../../compiler/reference/bind.ts'
import { evaluate } from '../../../compiler/reference/evaluate.ts'
import { open, openAdapters, openSoftware } from '../../support/devices.ts'
import { MORE_IN_LONG, ON_DEVICES, testRun } from '../../support/runs.ts'
import type { Device } from '../../../runtime/device.ts'
import { createSession, type Session } from '../../../runtime/session.ts'
import { planOf, runGraph } from '../../support/graph-on-device.ts'
import { matrix, normal, ofRank, quality, reflection, scaled, times, unpack, type Matrix } from '../../support/matrices.ts'
import { batchOf, eachOf, svdGraph } from '../../support/svd.ts'

const cpu: Target = { ...PORTABLE, name: 'a processor', kind: 'cpu' }

/** Matrices of one size, each of another kind. */
const kinds = {
  'any numbers': normal,
  'a third of the rank': (rows, columns, seed) =>
    ofRank(Math.max(1, Math.floor(Math.min(rows, columns) / 3)), rows, columns, seed),
  'rank 1': (rows, columns, seed) => ofRank(1, rows, columns, seed),
  'values that repeat': (rows, columns, seed) =>
    times(
      reflection(rows, seed),
      matrix(rows, columns, (i, j) => (i === j ? 1 + (i % 2) : 0)),
    ),
  orthonormal: (rows, columns, seed) => {
    const { values } = reflection(Math.max(rows, columns), seed)
    return matrix(rows, columns, (i, j) => values[i * Math.max(rows, columns) + j])
  },
  'columns alike': (rows, columns) => matrix(rows, columns, (i, j) => Math.cos(i + 7 * (j % 2))),
  zero: (rows, columns) => matrix(rows, columns, () => 0),
  ones: (rows, columns) => matrix(rows, columns, () => 1),
  'nine decades': (rows, columns, seed) => {
    const x = normal(rows, columns, seed)
    return matrix(rows, columns, (i, j) => x.values[i * columns + j] * 10 ** ((-9 * j) / columns))
  },
  huge: (rows, columns, seed) => scaled(normal(rows, columns, seed), 1e30),
  tiny: (rows, columns, seed) => scaled(normal(rows, columns, seed), 1e-30),
  'huge, of rank 1': (rows, columns, seed) => scaled(ofRank(1, rows, columns, seed), 1e30),
} satisfies Record<string, (rows: number, columns: number, seed: number) => Matrix>

const names = Object.keys(kinds) as (keyof typeof kinds)[]

describe('on the host', () => {
  function run(matrices: readonly Matrix[], target: Target, symbolic: boolean): readonly Float64Array[] {
    const { rows, columns } = matrices[0]
    const graph = symbolic ? svdGraph('B', 'M', 'N') : svdGraph(matrices.length, rows, columns)
    const x = batchOf(matrices)
    const memory: Memory = new Map([[graph.inputs[0], x.values]])
    const dims = bindDims(graph, { x })
    evaluateKernels(schedule(graph, target, 'prefill').kernels, memory, dims)
    const [{ node }] = graph.outputs
    expect(memory.get(node)!.length).toBe(sizeOf(product(node.shape), dims))
    return eachOf(matrices, memory.get(node)!)
  }

  it.each([
    [1, 1],
    [1, 4],
    [3, 1],
    [2, 2],
    [5, 3],
    [3, 5],
    [4, 4],
    [7, 7],
    [12, 5],
    [4, 19],
  ])('decomposes matrices of %i x %i', (rows, columns) => {
    const matrices = names.map((name, seed) => kinds[name](rows, columns, seed))
    const wanted = eachOf(
      matrices,
      evaluate(svdGraph(matrices.length, rows, columns), { inputs: { x: batchOf(matrices) }, weights: {} }).y.values,
    )
    for (const [target, symbolic] of [
      [PORTABLE, false],
      [cpu, false],
      [cpu, true],
    ] as const) {
      run(matrices, target, symbolic).forEach((packed, n) => {
        const { residual, orthogonality, descends, signed } = quality(matrices[n], packed)
        expect([names[n], residual < 3e-6, orthogonality < 3e-6, descends, signed]).toEqual([names[n], true, true, true, true])
        const [got, want] = [unpack(matrices[n], packed).values, unpack(matrices[n], wanted[n]).values]
        got.forEach((value, k) => expect(Math.abs(value - want[k])).toBeLessThanOrEqual(1e-6 * want[0]))
      })
    }
  })

  it('fills the result with what is not finite, and that of its matrix alone', () => {
    const wild = matrix(4, 3, (i, j) => (i === 2 && j === 1 ? Infinity : i === 3 ? NaN : 1))
    const [first, spoilt, last] = run([normal(4, 3, 1), wild, normal(4, 3, 2)], cpu, false)
    expect([...spoilt].every((value) => value === Infinity)).toBe(true)
    expect([first, last].every((packed, n) => quality(normal(4, 3, n + 1), packed).residual < 1e-6)).toBe(true)
  })
})

/** Sizes of batches, and how many matrices each has: most are small, as the software adapters are slow. */
function batches(): readonly (readonly Matrix[])[] {
  const small = Array.from({ length: 168 }, (_, n) => [1 + ((n * 7) % 12), 1 + ((n * 5) % 13), 3] as const)
  const medium = Array.from({ length: 24 }, (_, n) => [13 + ((n * 11) % 36), 13 + ((n * 13) % 51), 2] as const)
  const large = [
    [100, 64, 4],
    [64, 128, 4],
    [96, 96, 4],
    [128, 128, 3],
    [200, 31, 4],
    [16, 512, 4],
    [256, 256, 1],
    [256, 512, 2],
  ] as const
  let kind = 0
  const few = [...small, ...medium].map(([rows, columns, count], seed) =>
    Array.from({ length: count }, () => kinds[names[kind++ % names.length]](rows, columns, 1000 + seed)),
  )
  // any numbers need the most sweeps, zero the most vectors to be made up
  const many = large.map(([rows, columns, count]) =>
    (['any numbers', 'a third of the rank', 'zero', 'huge'] as const)
      .slice(0, count)
      .map((name, seed) => kinds[name](rows, columns, seed)),
  )
  return [...few, ...many]
}

it('is refused on a GPU whose workgroups do not hold the invocations of a pair', () => {
  for (const maxInvocationsPerWorkgroup of [4, 24]) {
    const small: Target = { ...PORTABLE, name: 'a small GPU', maxInvocationsPerWorkgroup }
    const refused = (): unknown => schedule(svdGraph(2, 6, 64), small, 'prefill')
    expect(refused).toThrow(LimitError)
    expect(refused).toThrow(`workgroups of 16 invocations, or of a multiple; a small GPU allows ${maxInvocationsPerWorkgroup}`)
  }
})

describe('on a device', ON_DEVICES, () => {
  let devices: readonly Device[] = []
  beforeAll(async () => {
    const cpu = testRun === 'short' ? [] : [await open('cpu')]
    devices = [...(await openSoftware()), ...cpu]
    expect(devices.length).toBeGreaterThan(0)
  })
  afterAll(() => devices.forEach((device) => device.dispose()))

  const decompose = async (session: Session, matrices: readonly Matrix[]): Promise<readonly Float64Array[]> => {
    const { shape, values } = batchOf(matrices)
    return eachOf(matrices, (await session.run({ x: { shape, data: Float32Array.from(values) } })).y.data)
  }

  it('batches, each within 1e-5 of the matrix and of orthonormal vectors', { ...MORE_IN_LONG, timeout: 300_000 }, async () => {
    // every fourth, with the largest but one
    const all = testRun === 'short' ? batches().filter((_, at) => at % 4 === 2) : batches()
    expect(all.length).toBe(testRun === 'short' ? 50 : 200)
    for (const device of devices) {
      const session = await createSession(device, planOf(svdGraph('B', 'M', 'N'), device.target, 'prefill'))
      const worst = { residual: 0, orthogonality: 0 }
      for (const matrices of all) {
        const found = await decompose(session, matrices)
        matrices.forEach((x, n) => {
          const { residual, orthogonality, descends, signed } = quality(x, found[n])
          const what = `${device.target.name}, ${x.rows} x ${x.columns}: ${residual}, ${orthogonality}`
          expect([what, residual <= 1e-5, orthogonality <= 1e-5, descends, signed]).toEqual([what, true, true, true, true])
          worst.residual = Math.max(worst.residual, residual)
          worst.orthogonality = Math.max(worst.orthogonality, orthogonality)
        })
      }
      process.stderr.write(`${device.target.name} ${JSON.stringify(worst)}\n`)
      session.dispose()
    }
  })

  it('gives the same bits again', async () => {
    const matrices = names.map((name, seed) => kinds[name](24, 17, seed))
    for (const device of devices) {
      const session = await createSession(device, planOf(svdGraph('B', 'M', 'N'), device.target, 'prefill'))
      expect(await decompose(session, matrices)).toEqual(await decompose(session, matrices))
      session.dispose()
    }
  })

  it('runs with the workgroup size of a GPU as well', { timeout: 120_000 }, async () => {
    const matrices = [kinds['any numbers'](40, 50, 1), kinds['a third of the rank'](40, 50, 2), kinds.zero(40, 50)]
    for (const device of await openAdapters()) {
      const session = await createSession(device, planOf(svdGraph(3, 40, 50), { ...device.target, kind: 'gpu' }, 'prefill'))
      for (const [n, packed] of (await decompose(session, matrices)).entries()) {
        const { residual, orthogonality } = quality(matrices[n], packed)
        expect(Math.max(residual, orthogonality)).toBeLessThan(1e-5)
      }
      device.dispose()
    }
  })

  it('shows what is not finite', async () => {
    const wild = matrix(6, 4, (i, j) => (i === 5 && j === 2 ? NaN : 1))
    for (const device of devices) {
      const { y } = await runGraph(device, svdGraph(2, 6, 4), { inputs: { x: batchOf([wild, normal(6, 4, 1)]) }, weights: {} })
      const [spoilt, fine] = eachOf([wild, wild], y.data)
      expect(spoilt.every(Number.isNaN)).toBe(true)
      expect(fine.every(Number.isFinite)).toBe(true)
    }
  })
})
