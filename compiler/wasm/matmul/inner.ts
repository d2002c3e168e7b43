/**
 * Sums of a block whose operands are all K-major: two rows and some columns at a time, one vector of K or two neighbours at a
 * time, a vector of partial sums for each, which are added up at the end. Each sum is made the same way whatever the other rows
 * are, so the tiles that a row falls into never change its bits.
 *
 * The columns are a part of the block apart and each is followed by its neighbour, so that memory is read in streams far from
 * each other, which processors prefetch.
 *
 * V8 computes all loads of a loop's body first, so more sums, or K unrolled, would spill. Its revectorizer makes one operation of
 * two on neighbouring vectors, found from the stores of their results on: partial sums of two vectors are added up from memory.
 */
import { constantValue } from '../../../plan/dim.ts'
import type { DotTile } from '../../../plan/tiles.ts'
import type { Matmul, Operand } from '../../kernel/ir/matmul.ts'
import { addUp } from '../add-up.ts'
import { emitDim } from '../gang/dim.ts'
import { GANG } from '../gang/shape.ts'
import type { FunctionBody } from '../function.ts'
import type { Region } from '../gang/gang.ts'
import { addConstant, combine, keep, scale, WORD } from '../integers.ts'
import { forRange } from '../loops.ts'
import { accumulate, zeros } from './accumulate.ts'
import { entry, forRowPairs, sumsAddress, sumsRow, type Block } from './block.ts'
import { createHeldColumns, heldAddresses, holdColumns, type HeldColumns } from './held-columns.ts'
import { columnAddresses } from './operands.ts'
import { loadingOf, loadVector, VECTOR_BYTES, vectorBytes, type Loading } from './stored.ts'

const ROWS = 2

interface Dots extends DotTile {
  /** The local of the address where partial sums are added up; null where that is done in registers. */
  readonly partials: number | null
  /** By right operand. */
  readonly held: readonly (HeldColumns | null)[]
}

/** `own` makes room and returns the local of its address. */
export function createInnerSums(
  region: Region,
  matmul: Matmul,
  tile: DotTile,
  own: (bytes: number) => number,
): (block: Block) => void {
  const partials = tile.kVectors === 1 ? null : own(ROWS * tile.columns * tile.kVectors * VECTOR_BYTES)
  const held = matmul.rights.map((right) => createHeldColumns(region, matmul, right, tile.blockColumns, own))
  return (block) => innerSums(block, { ...tile, partials, held })
}

function innerSums(block: Block, tile: Dots): void {
  const { region, matmul, first, end } = block
  const { body } = region
  const step = tile.kVectors * VECTOR_BYTES
  const bytes = keep(body, () => {
    emitDim(region, matmul.k)
    body.i32(2)
    body.op('i32.shl')
  })
  const whole = keep(body, () => {
    body.get(bytes)
    body.i32(-step)
    body.op('i32.and')
  })
  const known = constantValue(matmul.k)
  const hasTail = known === undefined || (known * WORD) % step !== 0
  const masks = hasTail ? tailMasks(body, tile.kVectors, whole, bytes) : null
  const distance = keep(body, () => {
    body.get(end)
    body.get(first)
    body.op('i32.sub')
    body.i32(tile.columns - 1)
    body.op('i32.add')
    body.i32(tile.columns)
    body.op('i32.div_u')
  })
  const firstPart = keep(body, () => combine(body, first, 'i32.add', distance))
  const bytesApart = keep(body, () => scale(body, distance, WORD))
  const sumUp = (right: Operand, p: number, loading: Loading, held: HeldColumns | null): void => {
    if (held !== null) holdColumns(block, right, held)
    body.get(first)
    forRange(body, firstPart, 1, (column) => {
      const columns =
        held === null
          ? columnAddresses(block, right, column, distance, tile.columns, loading)
          : heldAddresses(block, right, held, column, distance, tile.columns)
      forRowPairs(block, (index, count) => {
        const rows = Array.from({ length: count }, (_, r) => keep(body, () => entry(body, block.leftRows, index, r)))
        const sums = dots(block, tile, loading, rows, columns, whole, masks)
        const out = keep(body, () => sumsAddress(block, p, index, column))
        for (let at = 0; at < columns.length; at += GANG) {
          const added = sums.map((ofRow) => addUp(body, fourFrom(ofRow, at)))
          for (let lane = 0; lane < GANG && at + lane < columns.length; lane++) {
            added.forEach((sum, r) => {
              body.get(out)
              body.get(sum)
              body.memoryLane('v128.store32_lane', lane, r * sumsRow(block))
            })
            combine(body, out, 'i32.add', bytesApart)
            body.set(out)
          }
        }
      })
    })
  }
  matmul.rights.forEach((right, p) => {
    const [pair, more] = [loadingOf(region, matmul, right, 'pair'), loadingOf(region, matmul, right, 'more')]
    const held = tile.held[p]
    if (pair === more && held === null) return sumUp(right, p, more, null)
    body.get(block.tile.count)
    body.i32(ROWS + 1)
    body.op('i32.lt_u')
    // columns that serve only one pair of rows stay in the L1 cache
    body.when(
      () => sumUp(right, p, pair, null),
      () => sumUp(right, p, more, held),
    )
  })
}

/** Four from a place on: the last again where there are fewer. */
const fourFrom = (all: readonly number[], at: number): readonly number[] =>
  Array.from({ length: GANG }, (_, lane) => all[Math.min(at + lane, all.length - 1)])

/** For each vector of a step, ones where elements of K are left behind the last whole step. */
function tailMasks(body: FunctionBody, vectors: number, whole: number, bytes: number): readonly number[] {
  return Array.from({ length: vectors }, (_, vector) => {
    const mask = body.local('v128')
    body.v128([0, 1, 2, 3].map((place) => (vector * GANG + place) * WORD))
    body.get(bytes)
    body.get(whole)
    body.op('i32.sub')
    body.op('i32x4.splat')
    body.op('i32x4.lt_u')
    body.set(mask)
    return mask
  })
}

/** Sums of each row and column as vectors whose four words are still to be added, from the locals of their addresses. */
function dots(
  block: Block,
  { kVectors, partials }: Dots,
  loading: Loading,
  rows: readonly number[],
  columns: readonly number[],
  whole: number,
  masks: readonly number[] | null,
): readonly (readonly number[])[] {
  const { region } = block
  const { body } = region
  const vectors = Array.from({ length: kVectors }, (_, vector) => vector)
  const move = (address: number): number => keep(body, () => body.get(address))
  const [left, right] = [rows.map(move), columns.map(move)]
  /** By row, column and vector. */
  const sums = left.map(() => right.map(() => zeros(body, kVectors)))
  const loaded = left.map(() => vectors.map(() => body.local('v128')))
  const b = vectors.map(() => body.local('v128'))
  const load = (from: Loading, pointer: number, into: readonly number[], isTail: boolean): void =>
    into.forEach((local, vector) => {
      loadVector(region, from, pointer, vector)
      if (isTail) {
        body.get(masks![vector])
        body.op('v128.and')
      }
      body.set(local)
    })
  const multiply = (isTail: boolean): void => {
    left.forEach((pointer, r) => load('plain', pointer, loaded[r], isTail))
    right.forEach((pointer, c) => {
      load(loading, pointer, b, isTail)
      loaded.forEach((a, r) => vectors.forEach((vector) => accumulate(block, sums[r][c][vector], a[vector], b[vector])))
    })
  }
  const last = right[right.length - 1]
  const end = keep(body, () => {
    body.get(last)
    body.get(whole)
    const bytes = vectorBytes(loading)
    if (bytes < VECTOR_BYTES) {
      body.i32(Math.log2(VECTOR_BYTES / bytes))
      body.op('i32.shr_u')
    }
    body.op('i32.add')
  })
  combine(body, last, 'i32.lt_u', end)
  body.when(() =>
    body.loop(() => {
      multiply(false)
      for (const [pointers, from] of [
        [left, 'plain'],
        [right, loading],
      ] as const)
        for (const pointer of pointers) {
          addConstant(body, pointer, kVectors * vectorBytes(from))
          body.set(pointer)
        }
      combine(body, last, 'i32.lt_u', end)
      body.branchIf(0)
    }),
  )
  if (masks !== null) {
    body.get(masks[0])
    body.op('v128.any_true')
    body.when(() => multiply(true))
  }
  return partials === null ? sums.map((ofRow) => ofRow.map(([sum]) => sum)) : addInMemory(body, partials, sums)
}

/** The sums of the vectors of each row and column, in new locals. */
function addInMemory(
  body: FunctionBody,
  partials: number,
  sums: readonly (readonly (readonly number[])[])[],
): readonly (readonly number[])[] {
  sums.flat(2).forEach((sum, at) => {
    body.get(partials)
    body.get(sum)
    body.store('v128.store', at * VECTOR_BYTES)
  })
  let at = 0
  return sums.map((ofRow) =>
    ofRow.map((vectors) => {
      const sum = body.local('v128')
      vectors.forEach((_, vector) => {
        body.get(partials)
        body.load('v128.load', at++ * VECTOR_BYTES)
        if (vector > 0) body.op('f32x4.add')
      })
      body.set(sum)
      return sum
    }),
  )
}
