/**
 * The place of a workgroup of attention: its head, its own rows, four to a gang and eight to a pair of gangs, and the rows that
 * they are paired with, which come in blocks.
 */
import type { Dim } from '../../../plan/dim.ts'
import { attentionBlocks, mayBeBlind, type Attention, type AttentionBuffer } from '../../kernel/ir/attention.ts'
import type { FunctionBody } from '../function.ts'
import { emitDim } from '../gang/dim.ts'
import type { Region } from '../gang/gang.ts'
import { GANG } from '../gang/shape.ts'
import { addConstant, combine, keep, minimum, scale, toAddress, WORD } from '../integers.ts'

/** Rows that the rows of a workgroup are paired with at a time. */
export const BLOCK = 32
/** Gangs whose sums are made together. */
export const PAIR = 2
export const VECTOR = GANG * WORD

/** All locals are i32. */
export interface Frame {
  readonly region: Region
  readonly body: FunctionBody
  readonly attention: Attention
  readonly b: number
  readonly g: number
  /** The head of queries, which the gradient of a key goes through. */
  readonly r: number
  /** The first own row, how many there are, and pairs of gangs with rows. */
  readonly first: number
  readonly count: number
  readonly pairs: number
  /** Own rows of the head in all, and rows that they are paired with. */
  readonly all: number
  readonly others: number
  /** What is added to the own rows where the band is concerned; null for nothing. */
  readonly past: number | null
  /** How far the rows that an own row is paired with lie below and above it. */
  readonly less: number
  readonly more: number
}

export const isOfKeys = ({ role }: Attention): boolean => role === 'key_gradient'

export const keepVector = (body: FunctionBody, emit: () => void): number => {
  const local = body.local('v128')
  emit()
  body.set(local)
  return local
}

export const loadVector = (body: FunctionBody, address: number, offset: number): number =>
  keepVector(body, () => {
    body.get(address)
    body.load('v128.load', offset)
  })

/** The larger of a local and a constant, signed. */
function atLeast(body: FunctionBody, local: number, least: number): number {
  return keep(body, () => {
    body.get(local)
    body.i32(least)
    body.get(local)
    body.i32(least)
    body.op('i32.gt_s')
    body.op('select')
  })
}

/** The past of a batch; null where there is none. */
function loadPast({ body, buffers }: Region, attention: Attention, b: number): number | null {
  const buffer = attention.buffers.past === undefined ? undefined : buffers.get(attention.buffers.past)
  if (buffer === undefined) return null
  return keep(body, () => {
    body.get(b)
    toAddress(body, buffer.address)
    body.load('i32.load')
  })
}

/** The place of an own row in the band. */
export const inBand = ({ body, past }: Frame, row: number): number =>
  past === null ? row : keep(body, () => combine(body, row, 'i32.add', past))

export function openFrame(region: Region, attention: Attention, workgroup: number): Frame {
  const { body } = region
  const ofKeys = isOfKeys(attention)
  const dim = (of: Dim): number => keep(body, () => emitDim(region, of))
  const [S, T, G] = [dim(attention.S), dim(attention.T), dim(attention.G)]
  const R = ofKeys ? keep(body, () => body.i32(1)) : dim(attention.R)
  const blocks = dim(attentionBlocks(attention))
  const head = keep(body, () => combine(body, workgroup, 'i32.div_u', blocks))
  const heads = keep(body, () => combine(body, head, 'i32.div_u', R))
  const first = keep(body, () => {
    combine(body, workgroup, 'i32.rem_u', blocks)
    body.i32(attention.rows)
    body.op('i32.mul')
  })
  const all = ofKeys ? T : S
  const count = keep(body, () => {
    minimum(body, () => addConstant(body, first, attention.rows), all)
    body.get(first)
    body.op('i32.sub')
  })
  const pairs = keep(body, () => {
    addConstant(body, count, PAIR * GANG - 1)
    body.i32(Math.log2(PAIR * GANG))
    body.op('i32.shr_u')
  })
  const { before, after } = attention
  const b = keep(body, () => combine(body, heads, 'i32.div_u', G))
  return {
    region,
    body,
    attention,
    b,
    g: keep(body, () => combine(body, heads, 'i32.rem_u', G)),
    r: keep(body, () => combine(body, head, 'i32.rem_u', R)),
    first,
    count,
    pairs,
    all,
    others: ofKeys ? S : T,
    past: loadPast(region, attention, b),
    less: ofKeys ? after : before,
    more: ofKeys ? before : after,
  }
}

/** Whether every own row counts with every other one: where some query sees no key, each value has a share of it. */
const countsAll = ({ attention }: Frame): boolean => isOfKeys(attention) && mayBeBlind(attention)

/**
 * Locals of the first of the other rows that some own row is paired with, and of the one behind the last. Blocks begin at
 * multiples of their length, so that the bits of a row depend on no other own row: not on which rows a run has, nor where they
 * begin.
 */
export function otherRange(frame: Frame): { readonly from: number; readonly below: number } {
  const { body, count, others, less, more } = frame
  const first = inBand(frame, frame.first)
  const from =
    less === Infinity || countsAll(frame)
      ? keep(body, () => body.i32(0))
      : keep(body, () => {
          body.get(
            atLeast(
              body,
              keep(body, () => addConstant(body, first, -less)),
              0,
            ),
          )
          body.i32(-BLOCK)
          body.op('i32.and')
        })
  if (more === Infinity || countsAll(frame)) return { from, below: others }
  const reach = keep(body, () => {
    combine(body, first, 'i32.add', count)
    body.i32(more)
    body.op('i32.add')
  })
  const positive = atLeast(body, reach, 0)
  return { from, below: keep(body, () => minimum(body, () => body.get(positive), others)) }
}

/** Runs for each pair of gangs; `own` is its first row's place in the workgroup, and `last` that of its last row, among all. */
export function forPairs(frame: Frame, each: (pair: number, first: number, last: number) => void): void {
  const { body, pairs } = frame
  const pair = keep(body, () => body.i32(0))
  body.loop(() => {
    const first = keep(body, () => {
      scale(body, pair, PAIR * GANG)
      body.get(frame.first)
      body.op('i32.add')
    })
    each(
      pair,
      first,
      keep(body, () => addConstant(body, first, PAIR * GANG - 1)),
    )
    addConstant(body, pair, 1)
    body.tee(pair)
    body.get(pairs)
    body.op('i32.lt_u')
    body.branchIf(0)
  })
}

/** Leaves whether some row of a pair is paired with some row of the block that begins at `block`. */
export function meets(frame: Frame, block: number, firstRow: number, lastRow: number): void {
  const { body, less, more } = frame
  const [first, last] = [inBand(frame, firstRow), inBand(frame, lastRow)]
  body.i32(1)
  if (countsAll(frame)) return
  if (more !== Infinity) {
    body.get(block)
    addConstant(body, last, more)
    body.op('i32.le_s')
    body.op('i32.and')
  }
  if (less !== Infinity) {
    addConstant(body, block, BLOCK - 1)
    addConstant(body, first, -less)
    body.op('i32.ge_s')
    body.op('i32.and')
  }
}

/** Leaves whether every row of a pair is paired with every row of a block. */
export function meetsWholly(frame: Frame, block: number, firstRow: number, lastRow: number): void {
  const { body, attention, others, less, more } = frame
  if (attention.buffers.mask !== undefined) return body.i32(0)
  const [first, last] = [inBand(frame, firstRow), inBand(frame, lastRow)]
  addConstant(body, block, BLOCK)
  body.get(others)
  body.op('i32.le_s')
  if (more !== Infinity) {
    addConstant(body, block, BLOCK - 1)
    addConstant(body, first, more)
    body.op('i32.le_s')
    body.op('i32.and')
  }
  if (less !== Infinity) {
    body.get(block)
    addConstant(body, last, -less)
    body.op('i32.ge_s')
    body.op('i32.and')
  }
}

/** The address of a buffer. */
export function bufferAt({ region, attention }: Frame, name: AttentionBuffer): number {
  const buffer = region.buffers.get(attention.buffers[name]!)
  if (buffer === undefined) throw new Error(`attention has no ${name}`)
  return buffer.address
}

/** Rows of a tensor of queries, or of keys, one head: the address of the first, and bytes from one to the next. */
export interface Rows {
  readonly address: number
  readonly stride: number
}

/** `width`: elements of a row; the head of queries is in the local `r`. */
export function rowsOf(frame: Frame, name: AttentionBuffer, width: number, of: 'queries' | 'keys', r = frame.r): Rows {
  const { region, body, attention, b, g } = frame
  const [count, heads] = of === 'queries' ? [attention.S, attention.R] : [attention.T, null]
  const each = keep(body, () => {
    emitDim(region, attention.G)
    if (heads !== null) {
      emitDim(region, heads)
      body.op('i32.mul')
    }
  })
  const address = keep(body, () => {
    emitDim(region, count)
    body.get(b)
    body.op('i32.mul')
    body.get(each)
    body.op('i32.mul')
    body.get(g)
    if (heads !== null) {
      emitDim(region, heads)
      body.op('i32.mul')
      body.get(r)
      body.op('i32.add')
    }
    body.op('i32.add')
    body.i32(width)
    body.op('i32.mul')
    toAddress(body, bufferAt(frame, name))
  })
  return { address, stride: keep(body, () => scale(body, each, width * WORD)) }
}

/** The address of a row. */
export const rowAddress = (body: FunctionBody, { address, stride }: Rows, row: number): number =>
  keep(body, () => {
    combine(body, row, 'i32.mul', stride)
    body.get(address)
    body.op('i32.add')
  })
