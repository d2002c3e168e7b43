/** `npm run fuzz -- specs`: what becomes of mutated specs, and what is printed of it. */
import { duration } from '../../cli/progress.ts'
import { indicesOf, say, workThrough } from './loop.ts'
import type { FuzzOptions } from './options.ts'
import { createFuzzer, type Failure } from './specs.ts'

const kindOf = ({ stage, kind, message }: Failure): string => `${stage} ${kind === 'slow' ? kind : `${kind}: ${message}`}`

/** One line for each kind of failure: how often, the first index, what it was. */
export function summarise(failures: readonly Failure[]): readonly string[] {
  const kinds = new Map<string, Failure[]>()
  for (const failure of failures) kinds.set(kindOf(failure), [...(kinds.get(kindOf(failure)) ?? []), failure])
  return [...kinds]
    .toSorted(([, a], [, b]) => b.length - a.length)
    .map(([kind, group]) => {
      const example = group[0].kind === 'slow' ? ` (${group[0].message})` : ''
      return `${String(group.length).padStart(6)} x ${kind}${example}; first: --only ${group[0].index}, in ${group[0].changed.path}`
    })
}

export async function fuzzSpecs(options: FuzzOptions): Promise<number> {
  const { count, seed, only, runs, device } = options
  const fuzzer = createFuzzer(seed)
  say(`specs: ${only === null ? `${count} mutants` : `mutant ${only}`}, seed ${seed}`)
  const onDevice = async (indices: readonly number[]): Promise<number> =>
    indices.length === 0 ? 0 : (await import('./specs-device.ts')).runOnDevice(fuzzer, indices, device, say)
  if (only !== null) {
    const failed = showOne(fuzzer.mutant(only), fuzzer)
    return failed > 0 ? failed : onDevice(runs > 0 ? [only] : [])
  }

  const start = performance.now()
  let [accepted, distinct, compiled, slowest] = [0, 0, 0, 0]
  const failures: Failure[] = []
  const toRun: number[] = []
  const examineOne = (index: number): void => {
    const examined = fuzzer.examine(fuzzer.mutant(index))
    for (const failure of examined.failures) {
      if (!failures.some((other) => kindOf(other) === kindOf(failure))) say(`first: ${summarise([failure]).join()}`)
      failures.push(failure)
    }
    slowest = Math.max(slowest, examined.slowest)
    if (examined.graph !== null) accepted++
    if (examined.compiled !== null) distinct++
    if (examined.compiled === true) {
      compiled++
      if (toRun.length < runs) toRun.push(index)
    }
  }
  await workThrough(indicesOf(options), examineOne, () => `${failures.length} failures, `)
  say(
    `${accepted} accepted, ${distinct} distinct graphs, ${compiled} compiled for each target; slowest stage ${slowest.toFixed(0)} ms of processor time`,
  )
  const failed = failures.length + (await onDevice(toRun))
  for (const line of summarise(failures)) say(line)
  say(`${failed} failures in ${duration(performance.now() - start)}`)
  return failed
}

function showOne(
  mutant: ReturnType<ReturnType<typeof createFuzzer>['mutant']>,
  { examine }: ReturnType<typeof createFuzzer>,
): number {
  say(`--- ${mutant.changed.path}, for ${mutant.main.path}\n${mutant.changed.text}\n---`)
  const { failures, graph } = examine(mutant)
  say(graph === null ? 'not accepted' : 'accepted')
  for (const line of summarise(failures)) say(line)
  return failures.length
}
