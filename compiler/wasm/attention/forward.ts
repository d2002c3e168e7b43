/**
 * The forward pass of attention: online softmax over blocks of keys (Dao et al., 2022, arXiv:2205.14135, algorithm 1). A row's
 * bits depend on no other row, and so on no number of threads.
 */
import { UNSEEN } from '../../ops/attention.ts'
import { emitDim } from '../gang/dim.ts'
import { GANG } from '../gang/shape.ts'
import { addConstant, combine, keep, scale, toAddress } from '../integers.ts'
import { forRange } from '../loops.ts'
import { mayBeBlind } from '../../kernel/ir/attention.ts'
import {
  BLOCK,
  bufferAt,
  forPairs,
  keepVector,
  loadVector,
  meets,
  meetsWholly,
  otherRange,
  PAIR,
  rowsOf,
  VECTOR,
  type Frame,
} from './frame.ts'
import { emitFewQueries, FEW, rowBytes } from './few-queries.ts'
import { clear, fillPack, fillPanel, gangAddress, ownAddress, packBytes, panelBytes, storePanel } from './panels.ts'
import { addRows, multiplyRows } from './products.ts'
import { capped, exp, forGangs, forScores, otherAt, SCORES } from './scores.ts'
import type { Visibility } from './visibility.ts'

/** Addresses of the running maximum and sum, a vector a gang. */
interface Running {
  readonly most: number
  readonly sum: number
}

export function emitForward(frame: Frame, isRelaxed: boolean): void {
  const { body, count } = frame
  body.get(count)
  body.i32(FEW)
  body.op('i32.le_u')
  body.when(
    () => emitFew(frame, isRelaxed),
    () => emitBlocks(frame, isRelaxed),
  )
}

function emitFew(frame: Frame, isRelaxed: boolean): void {
  const { region, attention } = frame
  const { C, W, buffers } = attention
  const own = (bytes: number): number => ownAddress(frame, region.reserve(bytes))
  const hasResult = buffers.result !== undefined
  emitFewQueries(frame, {
    query: own(rowBytes(C)),
    scores: own(rowBytes(BLOCK)),
    sums: own(rowBytes(W)),
    rows: {
      query: rowsOf(frame, 'query', C, 'queries'),
      key: rowsOf(frame, 'key', C, 'keys'),
      value: hasResult ? rowsOf(frame, 'value', W, 'keys') : null,
      result: hasResult ? rowsOf(frame, 'result', W, 'queries') : null,
      logarithm: buffers.lse_result === undefined ? null : rowsOf(frame, 'lse_result', 1, 'queries'),
    },
    begin: () => firstScore(frame),
    hasSinks: hasSinks(frame),
    isRelaxed,
  })
}

function emitBlocks(frame: Frame, isRelaxed: boolean): void {
  const { body, region, attention, others } = frame
  const { rows, C, W, buffers } = attention
  const own = (bytes: number): number => ownAddress(frame, region.reserve(bytes))
  const hasResult = buffers.result !== undefined
  const [queries, totals] = [own(panelBytes(rows, C)), own(panelBytes(rows, W))]
  const running = { most: own(panelBytes(rows, 1)), sum: own(panelBytes(rows, 1)) }
  const [scores, keyPack, valuePack] = [own(PAIR * SCORES), own(packBytes(C)), own(packBytes(W))]
  const keys = rowsOf(frame, 'key', C, 'keys')
  const values = hasResult ? rowsOf(frame, 'value', W, 'keys') : null
  fillPanel(frame, queries, rowsOf(frame, 'query', C, 'queries'), C, attention.scale)
  begin(frame, running)
  if (hasResult) clear(body, totals, panelBytes(rows, W))
  const { from, below } = otherRange(frame)
  body.get(from)
  forRange(body, below, BLOCK, (block) => {
    fillPack(frame, keyPack, keys, C, block, others)
    if (values !== null) fillPack(frame, valuePack, values, W, block, others)
    forPairs(frame, (pair, first, last) => {
      meets(frame, block, first, last)
      body.when(() => {
        const place = (panel: number, width: number): number =>
          gangAddress(
            body,
            panel,
            keep(body, () => scale(body, pair, PAIR)),
            width,
          )
        multiplyRows(body, { address: place(queries, C), depth: C }, keyPack, scores, isRelaxed)
        const factors = Array.from({ length: PAIR }, () => body.local('v128'))
        const here = { most: place(running.most, 1), sum: place(running.sum, 1) }
        forGangs(
          frame,
          first,
          () => meetsWholly(frame, block, first, last),
          (gang, visible) => softmax(frame, { scores, block, gang, running: here, factor: factors[gang] }, visible),
        )
        if (values === null) return
        addRows(body, scores, valuePack, { address: place(totals, W), width: W, factors }, isRelaxed)
      })
    })
  })
  if (values !== null) {
    divide(frame, totals, running, values)
    storePanel(frame, totals, rowsOf(frame, 'result', W, 'queries'), W)
  }
  if (buffers.lse_result === undefined) return
  logarithms(frame, running)
  storePanel(frame, running.most, rowsOf(frame, 'lse_result', 1, 'queries'), 1)
}

const splat = (frame: Frame, value: number): void => {
  frame.body.f32(value)
  frame.body.op('f32x4.splat')
}

/** Runs for each gang with own rows; `at` is the local of the distance of its vectors. */
function forOwnGangs({ body, pairs }: Frame, each: (gang: number, at: number) => void): void {
  const gangs = keep(body, () => scale(body, pairs, PAIR))
  body.i32(0)
  forRange(body, gangs, 1, (gang) =>
    each(
      gang,
      keep(body, () => scale(body, gang, VECTOR)),
    ),
  )
}

const hasSinks = ({ attention }: Frame): boolean => attention.buffers.sinks !== undefined

/** Leaves the first maximum: no score yet, or that of a sink. */
function firstScore(frame: Frame): void {
  const { body, region, attention, g, r } = frame
  if (!hasSinks(frame)) return splat(frame, UNSEEN)
  body.get(g)
  emitDim(region, attention.R)
  body.op('i32.mul')
  body.get(r)
  body.op('i32.add')
  toAddress(body, bufferAt(frame, 'sinks'))
  body.load('v128.load32_splat')
}

function begin(frame: Frame, { most, sum }: Running): void {
  const { body } = frame
  const start = keepVector(body, () => firstScore(frame))
  forOwnGangs(frame, (_, at) => {
    combine(body, most, 'i32.add', at)
    body.get(start)
    body.store('v128.store')
    combine(body, sum, 'i32.add', at)
    splat(frame, hasSinks(frame) ? 1 : 0)
    body.store('v128.store')
  })
}

interface Softmax {
  readonly scores: number
  readonly block: number
  readonly gang: number
  readonly running: Running
  /** The local of what earlier sums are to be multiplied by. */
  readonly factor: number
}

/** Scores become shares of a softmax with the maximum so far. */
function softmax(frame: Frame, { scores, block, gang, running, factor }: Softmax, visible: Visibility | null): void {
  const { body } = frame
  const address = keep(body, () => addConstant(body, scores, gang * SCORES))
  const before = loadVector(body, running.most, gang * VECTOR)
  const most = keepVector(body, () => body.get(before))
  forScores(body, address, (at, offset) => {
    const raw = capped(frame, loadVector(body, at, 0))
    const x = visible === null ? raw : body.local('v128')
    if (visible !== null) {
      body.get(raw)
      splat(frame, -Infinity)
      visible(otherAt(body, block, offset))
      body.op('v128.bitselect')
      body.set(x)
    }
    if (visible !== null || frame.attention.cap !== 0) {
      body.get(at)
      body.get(x)
      body.store('v128.store')
    }
    body.get(most)
    body.get(x)
    body.op('f32x4.pmax')
    body.set(most)
  })
  const less = (x: number): number =>
    keepVector(body, () => {
      body.get(x)
      body.get(most)
      body.op('f32x4.sub')
    })
  const total = keepVector(body, () => body.v128([0, 0, 0, 0]))
  forScores(body, address, (at) => {
    const share = exp(body, less(loadVector(body, at, 0)))
    body.get(at)
    body.get(share)
    body.store('v128.store')
    body.get(total)
    body.get(share)
    body.op('f32x4.add')
    body.set(total)
  })
  body.get(exp(body, less(before)))
  body.set(factor)
  body.get(running.most)
  body.get(most)
  body.store('v128.store', gang * VECTOR)
  body.get(running.sum)
  body.get(running.sum)
  body.load('v128.load', gang * VECTOR)
  body.get(factor)
  body.op('f32x4.mul')
  body.get(total)
  body.op('f32x4.add')
  body.store('v128.store', gang * VECTOR)
}

/** Lanes whose query has seen no key. */
function blindLanes(frame: Frame, most: number): void {
  frame.body.get(most)
  splat(frame, UNSEEN)
  frame.body.op('f32x4.le')
}

/** Divides the sums of values by those of shares; a query that sees no key has the mean of all values. */
function divide(frame: Frame, totals: number, { most, sum }: Running, values: ReturnType<typeof rowsOf>): void {
  const { body, attention, others } = frame
  const { W } = attention
  const width = keep(body, () => body.i32(W * VECTOR))
  forOwnGangs(frame, (gang, at) => {
    const address = gangAddress(body, totals, gang, W)
    const divisor = loadVector(
      body,
      keep(body, () => combine(body, sum, 'i32.add', at)),
      0,
    )
    if (mayBeBlind(attention) && !hasSinks(frame)) {
      const seen = loadVector(
        body,
        keep(body, () => combine(body, most, 'i32.add', at)),
        0,
      )
      const blind = keepVector(body, () => blindLanes(frame, seen))
      body.get(blind)
      body.op('v128.any_true')
      body.when(() => {
        body.get(others)
        body.op('f32.convert_i32_u')
        body.op('f32x4.splat')
        body.get(divisor)
        body.get(blind)
        body.op('v128.bitselect')
        body.set(divisor)
        body.i32(0)
        forRange(body, width, VECTOR, (place) => sumOfValues(frame, address, place, blind, values))
      })
    }
    const factor = keepVector(body, () => {
      splat(frame, 1)
      body.get(divisor)
      body.op('f32x4.div')
    })
    body.i32(0)
    forRange(body, width, VECTOR, (place) => {
      const to = keep(body, () => combine(body, address, 'i32.add', place))
      body.get(to)
      body.get(to)
      body.load('v128.load')
      body.get(factor)
      body.op('f32x4.mul')
      body.store('v128.store')
    })
  })
}

/** In some lanes, puts the sum of all values of a channel. */
function sumOfValues(
  frame: Frame,
  totals: number,
  place: number,
  lanes: number,
  { address, stride }: ReturnType<typeof rowsOf>,
): void {
  const { body, others } = frame
  const from = keep(body, () => {
    body.get(place)
    body.i32(Math.log2(GANG))
    body.op('i32.shr_u')
    body.get(address)
    body.op('i32.add')
  })
  const sum = keepVector(body, () => body.v128([0, 0, 0, 0]))
  body.i32(0)
  forRange(body, others, 1, () => {
    body.get(sum)
    body.get(from)
    body.load('v128.load32_splat')
    body.op('f32x4.add')
    body.set(sum)
    combine(body, from, 'i32.add', stride)
    body.set(from)
  })
  const to = keep(body, () => combine(body, totals, 'i32.add', place))
  body.get(to)
  body.get(sum)
  body.get(to)
  body.load('v128.load')
  body.get(lanes)
  body.op('v128.bitselect')
  body.store('v128.store')
}

/** The log-sum-exp in the place of the maximum. */
function logarithms(frame: Frame, { most, sum }: Running): void {
  const { body, region } = frame
  forOwnGangs(frame, (_, at) => {
    const [to, of] = [most, sum].map((panel) => keep(body, () => combine(body, panel, 'i32.add', at)))
    const top = loadVector(body, to, 0)
    body.get(to)
    splat(frame, UNSEEN)
    body.get(of)
    body.load('v128.load')
    body.call(region.functionOf('log'))
    body.get(top)
    body.op('f32x4.add')
    blindLanes(frame, top)
    body.op('v128.bitselect')
    body.store('v128.store')
  })
}
