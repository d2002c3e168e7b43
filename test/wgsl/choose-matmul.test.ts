import { describe, expect, test } from 'vitest'
import { PORTABLE, type Target } from '../../plan/target.ts'
import { chooseMatmul } from '../../compiler/wgsl/choose-matmul.ts'
import { tilesFor } from '../../plan/tiles.ts'
import { createScalarEmitter } from '../../compiler/wgsl/emit-scalar.ts'
import { makeCase, type CaseShape } from './templates/matmul-case.ts'

const LAVAPIPE: Target = {
  ...PORTABLE,
  name: 'lavapipe',
  kind: 'cpu',
  subgroupSize: 8,
  features: ['subgroups'],
  maxInvocationsPerWorkgroup: 1024,
  maxWorkgroupStorageBytes: 32768,
}
const NO_SUBGROUPS: Target = { ...LAVAPIPE, subgroupSize: null, features: [] }
const WARPS: Target = { ...PORTABLE, name: 'warps', subgroupSize: 32, features: ['subgroups'] }

const shape: CaseShape = {
  grouping: 'dense',
  rows: 16,
  columns: 32,
  depth: 64,
  products: 1,
  experts: 8,
  tile: 16,
  symbolic: false,
  gathered: false,
  seed: 1,
}

function choose(changes: Partial<CaseShape>, target: Target, variant: 'decode' | 'prefill' = 'prefill') {
  const { matmul, values } = makeCase({ ...shape, ...changes })
  const choice = chooseMatmul(matmul, target, variant)
  return { ...choice, code: choice.emit(createScalarEmitter({ dims: Object.keys(values), threads: 1, oneSubgroup: false })) }
}

describe('chooseMatmul', () => {
  test.each<[string, Partial<CaseShape>, Target, 'decode' | 'prefill', string]>([
    ['many rows on a CPU', {}, LAVAPIPE, 'prefill', 'matmul_subgroup'],
    ['tiles of an order', { grouping: 'sorted' }, LAVAPIPE, 'prefill', 'matmul_subgroup'],
    ['one row', { rows: 1 }, LAVAPIPE, 'prefill', 'matmul_plain'],
    ['one row of few columns', { rows: 1, columns: 8 }, LAVAPIPE, 'prefill', 'matmul_vector'],
    ['few tokens, their number open', { symbolic: true }, LAVAPIPE, 'decode', 'matmul_subgroup'],
    ['few tokens on a GPU', { symbolic: true }, PORTABLE, 'decode', 'matmul_vector'],
    ['an expert a row', { grouping: 'lookup' }, LAVAPIPE, 'prefill', 'matmul_plain'],
    ['an odd K', { depth: 63 }, LAVAPIPE, 'prefill', 'matmul_plain'],
    ['no subgroups', {}, NO_SUBGROUPS, 'prefill', 'matmul_plain'],
    ['an expert a row without subgroups', { grouping: 'lookup' }, NO_SUBGROUPS, 'decode', 'matmul_plain'],
    ['many rows on a GPU', {}, PORTABLE, 'prefill', 'matmul_tiled'],
    ['three matmuls on a GPU', { products: 3 }, PORTABLE, 'prefill', 'matmul_tiled'],
    ['an expert a row on a GPU', { grouping: 'lookup' }, WARPS, 'decode', 'matmul_vector'],
    ['an odd K on a GPU', { depth: 63 }, WARPS, 'prefill', 'matmul_plain'],
  ])('%s', (_, changes, target, tokens, template) => {
    expect(choose(changes, target, tokens).template).toBe(template)
  })

  test('says why each faster template was refused', () => {
    const { refused } = choose({ depth: 63 }, LAVAPIPE)
    expect(refused.map(({ template }) => template)).toEqual(['matmul_vector', 'matmul_subgroup', 'matmul_tiled'])
    expect(refused[0].reason).toBe('made for at most 4 rows of one matrix; this matmul has 16')
    for (const { reason } of refused) expect(reason).toMatch(/\w+ \w+/)
  })

  test.each([LAVAPIPE, NO_SUBGROUPS, WARPS, PORTABLE])('keeps the limits of the adapter: %#', (target) => {
    for (const products of [1, 2, 3])
      for (const grouping of ['dense', 'batched', 'lookup', 'sorted'] as const)
        for (const variant of ['decode', 'prefill'] as const) {
          const { code } = choose({ grouping, products, tile: tilesFor(target).expertRows }, target, variant)
          expect(code.workgroupSize[0]).toBeLessThanOrEqual(target.maxInvocationsPerWorkgroup)
          expect(code.workgroupBytes).toBeLessThanOrEqual(target.maxWorkgroupStorageBytes)
          expect(code.needsSubgroups && target.subgroupSize === null).toBe(false)
        }
  })

  test.each<[string, Partial<CaseShape>, string]>([
    ['rows that fill no second tile', { rows: 20 }, '12 x 32'],
    ['rows of the tile', { rows: 48 }, '16 x 32'],
    ['a single tile', { rows: 15 }, '15 x 32'],
    ['the rows of an expert as K', { grouping: 'outer', rows: 256, columns: 64 }, '32 x 64'],
    ['half as many again', { grouping: 'outer', rows: 48, columns: 64 }, '24 x 64'],
  ])('cuts even tiles: %s', (_, changes, size) => {
    expect(choose(changes, LAVAPIPE).reason).toBe(
      `a subgroup of 8 threads computes ${size} elements and broadcasts the left rows`,
    )
  })

  test('without rows takes a template as with one', () => {
    for (const target of [LAVAPIPE, NO_SUBGROUPS, WARPS, PORTABLE])
      expect(choose({ rows: 0 }, target).reason).not.toContain('NaN')
  })

  test('narrows the tile on an adapter with little workgroup memory', () => {
    const three = choose({ products: 3 }, PORTABLE)
    expect(three.code.workgroupBytes).toBeLessThanOrEqual(16384)
    const none = choose({}, { ...PORTABLE, maxWorkgroupStorageBytes: 1024 })
    expect(none.template).toBe('matmul_plain')
    expect(none.refused.at(-1)!.reason).toBe('needs 6400 bytes of workgroup memory, the adapter has 1024')
  })
})
