/**
 * Which of the own rows of a gang count with one of the rows that they are paired with, as a mask of lanes; or which of four
 * neighbours count with one own row.
 */
import type { Dim } from '../../../plan/dim.ts'
import { emitDim } from '../gang/dim.ts'
import { GANG } from '../gang/shape.ts'
import { addConstant, combine, keep, minimum, toAddress } from '../integers.ts'
import { bufferAt, inBand, isOfKeys, keepVector, type Frame } from './frame.ts'

/** Leaves the mask for the row in the local `other`. */
export type Visibility = (other: number) => void

/** Strides of the mask in elements, along the axes of the own rows and of the others; and the index of its first element. */
interface MaskPlaces {
  readonly own: number | null
  readonly other: number | null
  readonly base: number
}

function maskPlaces(frame: Frame, r: number): MaskPlaces {
  const { region, body, attention, b, g } = frame
  const { B, S, G, R, T, maskAxes } = attention
  const sizes: readonly Dim[] = [B, S, G, R, T]
  // from the last axis on
  const strides: (number | null)[] = [null, null, null, null, null]
  const next = keep(body, () => body.i32(1))
  for (let axis = sizes.length - 1; axis >= 0; axis--) {
    if (!maskAxes[axis]) continue
    strides[axis] = keep(body, () => body.get(next))
    emitDim(region, sizes[axis])
    body.get(next)
    body.op('i32.mul')
    body.set(next)
  }
  const base = keep(body, () => {
    body.i32(0)
    for (const [axis, local] of [
      [0, b],
      [2, g],
      [3, r],
    ]) {
      const stride = strides[axis]
      if (stride === null) continue
      combine(body, local, 'i32.mul', stride)
      body.op('i32.add')
    }
  })
  const [own, other] = isOfKeys(attention) ? [strides[4], strides[1]] : [strides[1], strides[4]]
  return { own, other, base }
}

/** For the gang whose first row is in the local `first`; null where all rows count with all others that there are. */
export function visibilityOf(frame: Frame, first: number, r: number): Visibility | null {
  const { body, attention, all, others, less, more } = frame
  const hasMask = attention.buffers.mask !== undefined
  const places = hasMask ? maskPlaces(frame, r) : null
  const place = inBand(frame, first)
  const own = keepVector(body, () => {
    body.get(place)
    body.op('i32x4.splat')
    body.v128([0, 1, 2, 3])
    body.op('i32x4.add')
  })
  const limit = (by: number): number =>
    keepVector(body, () => {
      body.get(own)
      body.i32(by)
      body.op('i32x4.splat')
      body.op('i32x4.add')
    })
  const [low, high] = [less === Infinity ? null : limit(-less), more === Infinity ? null : limit(more)]
  const lanes = places?.own == null ? null : laneIndices(frame, first, all)
  return (other) => {
    const at = keepVector(body, () => {
      body.get(other)
      body.op('i32x4.splat')
    })
    body.get(at)
    body.get(others)
    body.op('i32x4.splat')
    body.op('i32x4.lt_s')
    for (const [bound, test] of [
      [low, 'i32x4.ge_s'],
      [high, 'i32x4.le_s'],
    ] as const) {
      if (bound === null) continue
      body.get(at)
      body.get(bound)
      body.op(test)
      body.op('v128.and')
    }
    if (places === null) return
    loadMask(frame, places, other, lanes)
    body.op('v128.and')
  }
}

/** For the own row in the local `row`: leaves the mask for the four rows from the one in a local on. */
export function visibilityAlong(frame: Frame, row: number): Visibility {
  const { body, attention, others, less, more } = frame
  const places = attention.buffers.mask === undefined ? null : maskPlaces(frame, frame.r)
  const place = inBand(frame, row)
  return (first) => {
    const at = keepVector(body, () => {
      body.get(first)
      body.op('i32x4.splat')
      body.v128([0, 1, 2, 3])
      body.op('i32x4.add')
    })
    body.get(at)
    body.get(others)
    body.op('i32x4.splat')
    body.op('i32x4.lt_s')
    for (const [distance, test] of [
      [-less, 'i32x4.ge_s'],
      [more, 'i32x4.le_s'],
    ] as const) {
      if (!Number.isFinite(distance)) continue
      body.get(at)
      addConstant(body, place, distance)
      body.op('i32x4.splat')
      body.op(test)
      body.op('v128.and')
    }
    if (places === null) return
    loadMaskAlong(frame, places, row, first)
    body.op('v128.and')
  }
}

/** The mask of an own row and four neighbours, the last one again where there are none. */
function loadMaskAlong(frame: Frame, { own, other, base }: MaskPlaces, row: number, first: number): void {
  const { body, others } = frame
  const mask = bufferAt(frame, 'mask')
  const start = keep(body, () => {
    body.get(base)
    if (own !== null) {
      combine(body, row, 'i32.mul', own)
      body.op('i32.add')
    }
  })
  if (other === null) {
    body.get(start)
    toAddress(body, mask)
    body.load('v128.load32_splat')
  } else {
    const last = keep(body, () => addConstant(body, others, -1))
    const words = keepVector(body, () => body.v128([0, 0, 0, 0]))
    for (let lane = 0; lane < GANG; lane++) {
      minimum(body, () => addConstant(body, first, lane), last)
      body.get(other)
      body.op('i32.mul')
      body.get(start)
      body.op('i32.add')
      toAddress(body, mask)
      body.get(words)
      body.memoryLane('v128.load32_lane', lane)
      body.set(words)
    }
    body.get(words)
  }
  body.v128([0, 0, 0, 0])
  body.op('i32x4.ne')
}

/** The rows of a gang, the last one again where there are none. */
function laneIndices({ body }: Frame, first: number, all: number): readonly number[] {
  const last = keep(body, () => addConstant(body, all, -1))
  return Array.from({ length: GANG }, (_, lane) => keep(body, () => minimum(body, () => addConstant(body, first, lane), last)))
}

function loadMask(frame: Frame, { own, other: stride, base }: MaskPlaces, other: number, lanes: readonly number[] | null): void {
  const { body, others } = frame
  const mask = bufferAt(frame, 'mask')
  const row = keep(body, () => {
    body.get(base)
    if (stride !== null) {
      const last = keep(body, () => addConstant(body, others, -1))
      minimum(body, () => body.get(other), last)
      body.get(stride)
      body.op('i32.mul')
      body.op('i32.add')
    }
  })
  const address = (lane: number | null): void => {
    body.get(row)
    if (lane !== null) {
      combine(body, lane, 'i32.mul', own!)
      body.op('i32.add')
    }
    toAddress(body, mask)
  }
  if (lanes === null) {
    address(null)
    body.load('v128.load32_splat')
  } else {
    const words = keepVector(body, () => body.v128([0, 0, 0, 0]))
    lanes.forEach((lane, at) => {
      address(lane)
      body.get(words)
      body.memoryLane('v128.load32_lane', at)
      body.set(words)
    })
    body.get(words)
  }
  body.v128([0, 0, 0, 0])
  body.op('i32x4.ne')
}
