/** Every file with gradients, and the losses that they are of. */
import { baselines } from './baselines.ts'
import type { GradientCase } from './case.ts'
import { competesmoe } from './competesmoe.ts'
import { ssr } from './ssr.ts'

export const gradientCases: readonly GradientCase[] = [...baselines, ...competesmoe, ...ssr]
