/** What both gradients do with a pair of a query and a key: its share in the softmax, and the gradient of its score. */
import { addConstant, keep } from '../integers.ts'
import { keepVector, loadVector, type Frame } from './frame.ts'
import { capped, exp, forScores, otherAt, SCORES } from './scores.ts'
import type { Visibility } from './visibility.ts'

/** Locals of the addresses of products of a pair of gangs: query . key, scaled, and cotangent . value. */
export interface Products {
  readonly scores: number
  readonly shares: number
}

/** Locals of vectors, for what the query of each lane left behind. */
export interface Saved {
  readonly lse: number
  readonly delta: number
}

/**
 * Puts the gradient of query . key in the place of the scores of a gang, and where `weigh` is given what it leaves of the share
 * in the place of cotangent . value.
 */
export function pairGradients(
  frame: Frame,
  { scores, shares }: Products,
  gang: number,
  block: number,
  visible: Visibility | null,
  saved: (other: number) => Saved,
  weigh: ((share: number, saved: Saved) => void) | null,
): void {
  const { body } = frame
  const [from, beside] = [scores, shares].map((panel) => keep(body, () => addConstant(body, panel, gang * SCORES)))
  forScores(body, from, (at, offset) => {
    const other = otherAt(body, block, offset)
    const { lse, delta } = saved(other)
    const score = capped(frame, loadVector(body, at, 0))
    const difference = keepVector(body, () => {
      body.get(score)
      body.get(lse)
      body.op('f32x4.sub')
    })
    const seen = visible === null ? null : keepVector(body, () => visible(other))
    const hide = (): void => {
      if (seen === null) return
      body.get(seen)
      body.op('v128.and')
    }
    const own = exp(body, difference)
    const share = keepVector(body, () => {
      body.get(own)
      hide()
    })
    const to = keep(body, () => {
      body.get(beside)
      body.get(offset)
      body.op('i32.add')
    })
    body.get(at)
    body.get(share)
    body.get(to)
    body.load('v128.load')
    body.get(delta)
    body.op('f32x4.sub')
    body.op('f32x4.mul')
    slope(frame, score)
    // what is hidden may be infinite or no number
    hide()
    body.store('v128.store')
    if (weigh === null) return
    body.get(to)
    weigh(share, { lse, delta })
    body.store('v128.store')
  })
}

/** Multiplies the gradient of a score on the stack by the derivative of the score. */
function slope({ body, attention: { cap, scale } }: Frame, score: number): void {
  body.f32(scale)
  body.op('f32x4.splat')
  body.op('f32x4.mul')
  if (cap === 0) return
  const bent = keepVector(body, () => {
    body.get(score)
    body.f32(1 / cap)
    body.op('f32x4.splat')
    body.op('f32x4.mul')
  })
  body.f32(1)
  body.op('f32x4.splat')
  body.get(bent)
  body.get(bent)
  body.op('f32x4.mul')
  body.op('f32x4.sub')
  body.op('f32x4.mul')
}
