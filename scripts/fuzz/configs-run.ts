/** `npm run fuzz -- configs`: what becomes of mutated configs, and what is printed of it. */
import { duration } from '../../cli/progress.ts'
import { configMutant } from './config-mutants.ts'
import { examineConfig, type ConfigOutcome } from './configs.ts'
import { indicesOf, say, workThrough } from './loop.ts'
import type { FuzzOptions } from './options.ts'

export interface ConfigSummary {
  /** How many mutants ended in each way. */
  readonly kinds: Readonly<Partial<Record<ConfigOutcome['kind'], number>>>
  /** Of processor time, milliseconds. */
  readonly slowest: number
  readonly failures: readonly string[]
}

/** Examines the mutants of a seed one after the other. */
export async function examineConfigs(options: Pick<FuzzOptions, 'count' | 'seed' | 'only'>): Promise<ConfigSummary> {
  const kinds: Partial<Record<ConfigOutcome['kind'], number>> = {}
  const failures: string[] = []
  let slowest = 0
  await workThrough(indicesOf(options), (index) => {
    const mutant = configMutant(options.seed, index)
    const { kind, time, failure } = examineConfig(mutant)
    kinds[kind] = (kinds[kind] ?? 0) + 1
    slowest = Math.max(slowest, time)
    if (failure !== null) failures.push(`--only ${index} (${mutant.edits.join('; ')}): ${failure}`)
  })
  return { kinds, slowest, failures }
}

/** Failures that are printed. */
const MOST_SHOWN = 20
/** Characters of a mutant that are printed. */
const MOST_TEXT = 20_000

export async function fuzzConfigs(options: FuzzOptions): Promise<number> {
  const { count, seed, only } = options
  say(`configs: ${only === null ? `${count} mutants` : `mutant ${only}`}, seed ${seed}`)
  if (only !== null) {
    const { edits, layout, text } = configMutant(seed, only)
    say(`--- ${edits.join('; ')}, layout ${layout}\n${text.slice(0, MOST_TEXT)}`)
  }
  const start = performance.now()
  const { kinds, slowest, failures } = await examineConfigs(options)
  const ends = Object.entries(kinds).map(([kind, number]) => `${number} ${kind}`)
  say(`${ends.join(', ')}; slowest ${slowest.toFixed(0)} ms of processor time`)
  for (const failure of failures.slice(0, MOST_SHOWN)) say(failure)
  say(`${failures.length} failures in ${duration(performance.now() - start)}`)
  return failures.length
}
