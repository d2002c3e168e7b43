/** What each file of vectors holds, and the layer that computes it. */
import type { Case } from './case.ts'
import { baselines } from './cases/baselines.ts'
import { competesmoe } from './cases/competesmoe.ts'
import { ssmoe } from './cases/ssmoe.ts'
import { ssr } from './cases/ssr.ts'

export const cases: readonly Case[] = [...baselines, ...ssmoe, ...competesmoe, ...ssr]
