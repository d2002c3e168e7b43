/**
 * The forward pass of attention for few queries: each by itself, with four keys side by side, read where they lie. Every element
 * has the bits that the blocks of forward.ts give it: the same sums, in the same order.
 */
import { UNSEEN } from '../../ops/attention.ts'
import { mayBeBlind } from '../../kernel/ir/attention.ts'
import { GANG } from '../gang/shape.ts'
import { addConstant, combine, keep, minimum, WORD } from '../integers.ts'
import { forRange } from '../loops.ts'
import {
  BLOCK,
  keepVector,
  loadVector,
  meets,
  meetsWholly,
  otherRange,
  rowAddress,
  VECTOR,
  type Frame,
  type Rows,
} from './frame.ts'
import { multiplyAdd } from './products.ts'
import { capped, exp } from './scores.ts'
import { visibilityAlong } from './visibility.ts'

/** With more rows than this, eight of them side by side are faster. */
export const FEW = 4

/** Vectors of sums of values that stay in registers. */
const REGISTERS = 8

/** Keys whose scores are summed together: two chains of additions. */
const TOGETHER = 2

export interface FewQueries {
  /** Addresses of memory of the worker's own: a query, the scores of a block, and the sums of a query. */
  readonly query: number
  readonly scores: number
  readonly sums: number
  readonly rows: {
    readonly query: Rows
    readonly key: Rows
    readonly value: Rows | null
    readonly result: Rows | null
    readonly logarithm: Rows | null
  }
  /** Leaves the first maximum, a vector of equal lanes: that of a sink, or that of no score. */
  readonly begin: () => void
  readonly hasSinks: boolean
  readonly isRelaxed: boolean
}

/** Bytes of the memory that a query of so many channels needs. */
export const rowBytes = (width: number): number => Math.ceil(width / GANG) * VECTOR

export function emitFewQueries(frame: Frame, few: FewQueries): void {
  const { body, first, count } = frame
  const { from, below } = otherRange(frame)
  body.i32(0)
  forRange(body, count, 1, (own) => {
    const row = keep(body, () => combine(body, first, 'i32.add', own))
    loadQuery(frame, few, row)
    const most = keepVector(body, few.begin)
    const sum = keepVector(body, () => splat(frame, few.hasSinks ? 1 : 0))
    const { value } = few.rows
    if (value !== null) clearSums(frame, few)
    body.get(from)
    forRange(body, below, BLOCK, (block) => {
      meets(frame, block, row, row)
      body.when(() => {
        multiplyKeys(frame, few, block)
        const factor = softmax(frame, few, { row, block, most, sum })
        if (value !== null) addValues(frame, few, value, block, factor)
      })
    })
    if (value !== null) storeResult(frame, few, value, { row, most, sum })
    if (few.rows.logarithm !== null) storeLogarithm(frame, few.rows.logarithm, { row, most, sum })
  })
}

const splat = ({ body }: Frame, value: number): void => {
  body.f32(value)
  body.op('f32x4.splat')
}

function loadQuery(frame: Frame, { query, rows }: FewQueries, row: number): void {
  const { body, attention } = frame
  const { C, scale } = attention
  const from = rowAddress(body, rows.query, row)
  for (let at = 0; at < C * WORD; at += VECTOR) {
    body.get(query)
    body.get(from)
    body.load('v128.load', at)
    if (scale !== 1) {
      splat(frame, scale)
      body.op('f32x4.mul')
    }
    body.store('v128.store', at)
  }
}

function clearSums({ body, attention }: Frame, { sums }: FewQueries): void {
  for (let at = 0; at < rowBytes(attention.W); at += VECTOR) {
    body.get(sums)
    body.v128([0, 0, 0, 0])
    body.store('v128.store', at)
  }
}

/** The scores of a block: a key that there is none of has those of the last one, and is not visible. */
function multiplyKeys(frame: Frame, few: FewQueries, block: number): void {
  const { body, others, attention } = frame
  const last = keep(body, () => addConstant(body, others, -1))
  const end = keep(body, () => addConstant(body, block, BLOCK))
  const to = keep(body, () => body.get(few.scores))
  body.get(block)
  forRange(body, end, TOGETHER * GANG, (key) => {
    const places = Array.from({ length: TOGETHER * GANG }, (_, lane) =>
      rowAddress(
        body,
        few.rows.key,
        keep(body, () => minimum(body, () => addConstant(body, key, lane), last)),
      ),
    )
    const totals = Array.from({ length: TOGETHER }, () => keepVector(body, () => body.v128([0, 0, 0, 0])))
    const at = keep(body, () => body.i32(0))
    const addChannels = (channels: number): void => {
      const factors = Array.from({ length: channels }, (_, channel) =>
        keepVector(body, () => {
          combine(body, few.query, 'i32.add', at)
          body.load('v128.load32_splat', channel * WORD)
        }),
      )
      totals.forEach((total, group) => {
        const keys = places.slice(group * GANG, (group + 1) * GANG).map((place) =>
          keepVector(body, () => {
            combine(body, place, 'i32.add', at)
            body.load('v128.load')
          }),
        )
        const columns = transposed(frame, keys)
        factors.forEach((factor, channel) => multiplyAdd(body, total, factor, columns[channel], few.isRelaxed))
      })
    }
    const whole = attention.C - (attention.C % GANG)
    if (whole > 0)
      body.loop(() => {
        addChannels(GANG)
        addConstant(body, at, VECTOR)
        body.tee(at)
        body.i32(whole * WORD)
        body.op('i32.lt_u')
        body.branchIf(0)
      })
    if (whole < attention.C) addChannels(attention.C - whole)
    totals.forEach((total, group) => {
      body.get(to)
      body.get(total)
      body.store('v128.store', group * VECTOR)
    })
    addConstant(body, to, TOGETHER * VECTOR)
    body.set(to)
  })
}

/** Four vectors as the rows of a matrix -> its columns. */
function transposed({ body }: Frame, rows: readonly number[]): readonly number[] {
  const paired = (a: number, b: number, words: readonly number[]): number =>
    keepVector(body, () => {
      body.get(a)
      body.get(b)
      body.shuffle(words.flatMap((word) => [0, 1, 2, 3].map((byte) => WORD * word + byte)))
    })
  const [low, high] = [
    [0, 4, 1, 5],
    [2, 6, 3, 7],
  ].map((words) => [paired(rows[0], rows[1], words), paired(rows[2], rows[3], words)])
  return [low, high].flatMap(([a, b]) => [paired(a, b, [0, 1, 4, 5]), paired(a, b, [2, 3, 6, 7])])
}

interface Running {
  readonly row: number
  /** Vectors of equal lanes. */
  readonly most: number
  readonly sum: number
}

/** Runs for each vector of the scores of a block. */
function forScores(frame: Frame, { scores }: FewQueries, each: (at: number, offset: number) => void): void {
  const { body } = frame
  const end = keep(body, () => body.i32(BLOCK * WORD))
  body.i32(0)
  forRange(body, end, VECTOR, (offset) =>
    each(
      keep(body, () => combine(body, scores, 'i32.add', offset)),
      offset,
    ),
  )
}

/** Scores become shares of a softmax with the maximum so far. Returns the vector that earlier sums are to be multiplied by. */
function softmax(frame: Frame, few: FewQueries, { row, block, most, sum }: Running & { readonly block: number }): number {
  const { body } = frame
  const before = keepVector(body, () => body.get(most))
  const visible = visibilityAlong(frame, row)
  const isWhole = keep(body, () => meetsWholly(frame, block, row, row))
  forScores(frame, few, (at, offset) => {
    const raw = capped(frame, loadVector(body, at, 0))
    const x = keepVector(body, () => body.get(raw))
    body.get(isWhole)
    body.op('i32.eqz')
    body.when(() => {
      body.get(raw)
      splat(frame, -Infinity)
      visible(
        keep(body, () => {
          body.get(offset)
          body.i32(Math.log2(WORD))
          body.op('i32.shr_u')
          body.get(block)
          body.op('i32.add')
        }),
      )
      body.op('v128.bitselect')
      body.set(x)
    })
    body.get(at)
    body.get(x)
    body.store('v128.store')
    body.get(most)
    body.get(x)
    body.op('f32x4.pmax')
    body.set(most)
  })
  for (const words of [
    [1, 0, 3, 2],
    [2, 3, 0, 1],
  ]) {
    body.get(most)
    body.get(most)
    body.get(most)
    body.shuffle(words.flatMap((word) => [0, 1, 2, 3].map((byte) => WORD * word + byte)))
    body.op('f32x4.pmax')
    body.set(most)
  }
  const less = (x: number): number =>
    keepVector(body, () => {
      body.get(x)
      body.get(most)
      body.op('f32x4.sub')
    })
  const total = body.local('f32')
  body.f32(0)
  body.set(total)
  forScores(frame, few, (at) => {
    const shares = exp(body, less(loadVector(body, at, 0)))
    body.get(at)
    body.get(shares)
    body.store('v128.store')
    for (let lane = 0; lane < GANG; lane++) {
      body.get(total)
      body.get(shares)
      body.lane('f32x4.extract_lane', lane)
      body.op('f32.add')
      body.set(total)
    }
  })
  const factor = exp(body, less(before))
  body.get(sum)
  body.get(factor)
  body.op('f32x4.mul')
  body.get(total)
  body.op('f32x4.splat')
  body.op('f32x4.add')
  body.set(sum)
  return factor
}

/** Runs for the vectors of a row of sums, as many at once as there are registers for. */
function forSums(frame: Frame, each: (from: number, vectors: number) => void): void {
  const vectors = Math.ceil(frame.attention.W / GANG)
  for (let from = 0; from < vectors; from += REGISTERS) each(from * VECTOR, Math.min(REGISTERS, vectors - from))
}

/** Adds the values of a block, each times its share, to the sums times the factor. */
function addValues(frame: Frame, few: FewQueries, value: Rows, block: number, factor: number): void {
  const { body, others } = frame
  const left = keep(body, () => combine(body, others, 'i32.sub', block))
  const blockLength = keep(body, () => body.i32(BLOCK))
  const count = keep(body, () => minimum(body, () => body.get(left), blockLength))
  const end = keep(body, () => {
    body.get(few.scores)
    body.get(count)
    body.i32(Math.log2(WORD))
    body.op('i32.shl')
    body.op('i32.add')
  })
  const start = rowAddress(body, value, block)
  forSums(frame, (from, vectors) => {
    const totals = Array.from({ length: vectors }, (_, vector) =>
      keepVector(body, () => {
        body.get(few.sums)
        body.load('v128.load', from + vector * VECTOR)
        body.get(factor)
        body.op('f32x4.mul')
      }),
    )
    const place = keep(body, () => addConstant(body, start, from))
    body.get(few.scores)
    forRange(body, end, WORD, (score) => {
      const share = keepVector(body, () => {
        body.get(score)
        body.load('v128.load32_splat')
      })
      totals.forEach((total, vector) => multiplyAdd(body, total, share, loadVector(body, place, vector * VECTOR), few.isRelaxed))
      combine(body, place, 'i32.add', value.stride)
      body.set(place)
    })
    // in a block of forward.ts, zeros stand behind the last value
    combine(body, count, 'i32.ne', blockLength)
    body.when(() =>
      totals.forEach((total) => {
        body.get(total)
        body.v128([0, 0, 0, 0])
        body.op('f32x4.add')
        body.set(total)
      }),
    )
    totals.forEach((total, vector) => {
      body.get(few.sums)
      body.get(total)
      body.store('v128.store', from + vector * VECTOR)
    })
  })
}

/** Leaves whether the query has seen no key. */
function isBlind(frame: Frame, most: number): void {
  frame.body.get(most)
  splat(frame, UNSEEN)
  frame.body.op('f32x4.le')
  frame.body.op('v128.any_true')
}

/** Divides the sums of values by those of shares; a query that sees no key has the mean of all values. */
function storeResult(frame: Frame, few: FewQueries, value: Rows, { row, most, sum }: Running): void {
  const { body, others, attention } = frame
  const divisor = keepVector(body, () => body.get(sum))
  if (mayBeBlind(attention) && !few.hasSinks) {
    isBlind(frame, most)
    body.when(() => {
      body.get(others)
      body.op('f32.convert_i32_u')
      body.op('f32x4.splat')
      body.set(divisor)
      sumAllValues(frame, few, value)
    })
  }
  const factor = keepVector(body, () => {
    splat(frame, 1)
    body.get(divisor)
    body.op('f32x4.div')
  })
  const to = rowAddress(body, few.rows.result!, row)
  for (let channel = 0; channel < attention.W; channel += GANG) {
    const scaled = keepVector(body, () => {
      body.get(few.sums)
      body.load('v128.load', channel * WORD)
      body.get(factor)
      body.op('f32x4.mul')
    })
    const lanes = Math.min(GANG, attention.W - channel)
    for (let lane = 0; lane < (lanes === GANG ? 1 : lanes); lane++) {
      body.get(to)
      body.get(scaled)
      if (lanes === GANG) body.store('v128.store', channel * WORD)
      else body.memoryLane('v128.store32_lane', lane, (channel + lane) * WORD)
    }
  }
}

function sumAllValues(frame: Frame, few: FewQueries, value: Rows): void {
  const { body, others } = frame
  forSums(frame, (from, vectors) => {
    const totals = Array.from({ length: vectors }, () => keepVector(body, () => body.v128([0, 0, 0, 0])))
    const place = keep(body, () => addConstant(body, value.address, from))
    body.i32(0)
    forRange(body, others, 1, () => {
      totals.forEach((total, vector) => {
        body.get(total)
        body.get(place)
        body.load('v128.load', vector * VECTOR)
        body.op('f32x4.add')
        body.set(total)
      })
      combine(body, place, 'i32.add', value.stride)
      body.set(place)
    })
    totals.forEach((total, vector) => {
      body.get(few.sums)
      body.get(total)
      body.store('v128.store', from + vector * VECTOR)
    })
  })
}

function storeLogarithm(frame: Frame, rows: Rows, { row, most, sum }: Running): void {
  const { body, region } = frame
  body.get(rowAddress(body, rows, row))
  splat(frame, UNSEEN)
  body.get(sum)
  body.call(region.functionOf('log'))
  body.get(most)
  body.op('f32x4.add')
  body.get(most)
  splat(frame, UNSEEN)
  body.op('f32x4.le')
  body.op('v128.bitselect')
  body.memoryLane('v128.store32_lane', 0)
}
