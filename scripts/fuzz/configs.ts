/** One mutated config: it becomes a spec without mistakes, or is refused in few words. */
import { createHash } from 'node:crypto'
import { parseJson } from '../../runtime/checkpoint/json.ts'
import { importModel } from '../../cli/import/import.ts'
import { check } from '../../compiler/model/check.ts'
import { frame } from '../../grammar/frame.ts'
import { parse } from '../../grammar/parse.ts'
import type { ConfigMutant } from './config-mutants.ts'
import { load } from './corpus.ts'

export interface ConfigOutcome {
  readonly kind: 'spec' | 'refused' | 'not JSON'
  /** What is wrong; null where nothing is. */
  readonly failure: string | null
  /** Of processor time, milliseconds. */
  readonly time: number
}

/** Characters of a line of a message, and lines of a message: each names a field. */
const [LONGEST_LINE, MOST_LINES] = [600, 60]
/** Characters of a spec: one of a thousand layers has some thousands. */
const LONGEST_SPEC = 2 ** 20
/** The codes of sizes and places beyond those that a spec may have. */
const TOO_LARGE: readonly string[] = ['SMOE4006', 'SMOE5004']
/** Processor time, milliseconds. */
const SLOWEST = 1000

function wrongMessage(message: string): string | null {
  const lines = message.split('\n')
  const long = lines.find((line) => line.length > LONGEST_LINE)
  if (long !== undefined) return `a line of a message has ${long.length} characters: ${long.slice(0, 100)}`
  if (lines.length > MOST_LINES) return `a message has ${lines.length} lines`
  return /[\u0000-\u0009\u000b-\u001f\u007f]|\p{Surrogate}/u.test(message)
    ? `a message with control characters: ${JSON.stringify(message).slice(0, 200)}`
    : null
}

/** Digests of specs without mistakes: many mutants give the same one, and a check takes most of the time. */
const right = new Set<string>()

function wrongSpec(spec: string): string | null {
  const digest = createHash('sha256').update(spec).digest('base64')
  if (right.has(digest)) return null
  if (spec.length > LONGEST_SPEC) return `the spec has ${spec.length} characters`
  const { file, diagnostics } = parse({ path: 'imported.smoe', text: spec })
  const found = diagnostics.length > 0 ? diagnostics : check(file, { load }).diagnostics
  if (found.length === 0) right.add(digest)
  // sizes beyond those of a spec are refused by the command before it writes one
  return found.length === 0 || TOO_LARGE.includes(found[0].code)
    ? null
    : `the spec has a mistake: ${frame(found[0]).slice(0, 600)}`
}

function outcomeOf({ text, layout }: ConfigMutant): Omit<ConfigOutcome, 'time'> {
  let config: unknown
  try {
    config = parseJson(text)
  } catch (problem) {
    return { kind: 'not JSON', failure: problem instanceof SyntaxError ? null : String(problem) }
  }
  const result = importModel(config, { layout })
  if (result.kind === 'unsupported') return { kind: 'refused', failure: wrongMessage(result.message) }
  return { kind: 'spec', failure: wrongMessage(result.notes.join('\n')) ?? wrongSpec(result.spec) }
}

export function examineConfig(mutant: ConfigMutant): ConfigOutcome {
  const start = process.cpuUsage()
  const timed = (outcome: Omit<ConfigOutcome, 'time'>): ConfigOutcome => {
    const { user, system } = process.cpuUsage(start)
    const time = (user + system) / 1000
    const failure = outcome.failure ?? (time > SLOWEST ? `takes ${time.toFixed(0)} ms of processor time` : null)
    return { ...outcome, failure, time }
  }
  try {
    return timed(outcomeOf(mutant))
  } catch (problem) {
    return timed({ kind: 'refused', failure: `threw ${(problem as Error).stack?.slice(0, 600) ?? String(problem)}` })
  }
}
