/** The expert of gpt-oss: clamped projections with biases. */
import type { Make } from '../part.ts'
import type { Expert } from './routed.ts'
import { demandSilu } from './activation.ts'

/** What the class computes with, whatever `swiglu_limit` says. */
const LIMIT = 7

export const clampedExpert: Make<Expert> = ({ fields }) => {
  demandSilu(fields)
  const limit = fields.positive('swiglu_limit', `the clamp of the projections, always ${LIMIT}`, LIMIT)
  if (limit !== LIMIT) fields.refuseValue('swiglu_limit', `the projections are clamped at ${LIMIT} here`)
  return { imports: { 'experts/clamped_swiglu': ['clamped_swiglu'] }, call: 'clamped_swiglu(F = F)' }
}
