/** `npm run fuzz -- tokenizers`: what becomes of mutated tokenizers, and what is printed of it. */
import { duration } from '../../cli/progress.ts'
import { indicesOf, say, workThrough } from './loop.ts'
import type { FuzzOptions } from './options.ts'
import { tokenizerMutant } from './tokenizer-mutants.ts'
import { createProcesses, examineTokenizer, type TokenizerOutcome } from './tokenizers.ts'

export interface TokenizerSummary {
  /** How many mutants ended in each way. */
  readonly kinds: Readonly<Partial<Record<TokenizerOutcome['kind'], number>>>
  /** Milliseconds. */
  readonly slowest: number
  readonly failures: readonly string[]
}

/** Examines the mutants of a seed one after the other. */
export async function examineTokenizers(
  options: Pick<FuzzOptions, 'count' | 'seed' | 'only'>,
  deadline?: number,
): Promise<TokenizerSummary> {
  const kinds: Partial<Record<TokenizerOutcome['kind'], number>> = {}
  const failures: string[] = []
  let slowest = 0
  const processes = createProcesses()
  try {
    await workThrough(indicesOf(options), async (index) => {
      const mutant = tokenizerMutant(options.seed, index)
      const { kind, time, failure } = await examineTokenizer(mutant, processes, deadline)
      kinds[kind] = (kinds[kind] ?? 0) + 1
      slowest = Math.max(slowest, time)
      if (failure !== null) failures.push(`--only ${index} (${mutant.edits.join('; ')}): ${failure}`)
    })
  } finally {
    await processes.close()
  }
  return { kinds, slowest, failures }
}

/** Failures that are printed. */
const MOST_SHOWN = 20
/** Bytes of a mutant that are printed. */
const MOST_BYTES = 20_000

export async function fuzzTokenizers(options: FuzzOptions): Promise<number> {
  const { count, seed, only } = options
  say(`tokenizers: ${only === null ? `${count} mutants` : `mutant ${only}`}, seed ${seed}`)
  if (only !== null) {
    const { edits, bytes, text } = tokenizerMutant(seed, only)
    say(`--- ${edits.join('; ')}, for ${JSON.stringify(text)}\n${Buffer.from(bytes).toString('latin1').slice(0, MOST_BYTES)}`)
  }
  const start = performance.now()
  const { kinds, slowest, failures } = await examineTokenizers(options)
  const ends = Object.entries(kinds).map(([kind, number]) => `${number} ${kind}`)
  say(`${ends.join(', ')}; slowest ${slowest.toFixed(0)} ms`)
  for (const failure of failures.slice(0, MOST_SHOWN)) say(failure)
  say(`${failures.length} failures in ${duration(performance.now() - start)}`)
  return failures.length
}
