/** One mutated tokenizer: it gives ids, or a short typed error, and no process goes on. */
import { TokenizerError } from '../../text/tokenizer/errors.ts'
import { openTokenizer } from '../../text/tokenizer/open.ts'
import { startProcess, type TokenizerProcess } from '../../text/tokenizer/worker.ts'
import type { TokenizerMutant } from './tokenizer-mutants.ts'

export interface TokenizerOutcome {
  /** `ids`, or the code of the error. */
  readonly kind: 'ids' | TokenizerError['code'] | 'wrong'
  /** Milliseconds. */
  readonly time: number
  /** What is wrong; null where nothing is. */
  readonly failure: string | null
}

/** Milliseconds that opening and a text may each take: what ends takes some, and one mutant in ten never ends. */
const DEADLINE = 250
/** Milliseconds in which a process starts, on a busy machine. */
const START = 60_000
/** Milliseconds beyond both deadlines in which a process has ended, on a busy machine. */
const SLACK = 8000
const LONGEST_MESSAGE = 400
/** MiB of heap, as for any tokenizer. */
const MEMORY = 1536

function wrongMessage(message: string): string | null {
  if (message.length > LONGEST_MESSAGE) return `the message has ${message.length} characters`
  return /[\u0000-\u001f\u007f]|\p{Surrogate}/u.test(message)
    ? `a message with control characters: ${JSON.stringify(message).slice(0, 200)}`
    : null
}

const EMPTY = { model: { type: 'WordLevel', vocab: {}, unk_token: '' } }

/**
 * One process for all mutants, since a start takes longer than most of them: closed tokenizers leave it running, and one that was
 * killed is replaced before the next mutant.
 */
export interface Processes {
  /** Waits for a process that runs, so that its start counts for no mutant. */
  readonly prepare: () => Promise<TokenizerProcess>
  readonly close: () => Promise<void>
}

export function createProcesses(): Processes {
  let current: TokenizerProcess | null = null
  return {
    prepare: async () => {
      if (current?.isRunning() !== true) {
        await current?.close()
        current = startProcess(MEMORY)
        await current.ask({ kind: 'open', tokenizer: EMPTY }, 'starting', START)
      }
      return { ...current, close: async () => {} }
    },
    close: async () => current?.close(),
  }
}

async function encode(
  { bytes, text }: TokenizerMutant,
  library: TokenizerProcess,
  deadline: number,
): Promise<TokenizerOutcome['kind']> {
  const tokenizer = await openTokenizer(bytes, { deadline, start: () => library })
  try {
    const ids = await tokenizer.encode(text)
    return ids.every((id) => id >= 0) ? 'ids' : 'wrong'
  } finally {
    await tokenizer.close()
  }
}

/** `deadline` in milliseconds, for opening and for the text. */
export async function examineTokenizer(
  mutant: TokenizerMutant,
  processes: Processes,
  deadline = DEADLINE,
): Promise<TokenizerOutcome> {
  const library = await processes.prepare()
  const start = performance.now()
  const outcome = async (): Promise<readonly [TokenizerOutcome['kind'], string | null]> => {
    try {
      const kind = await encode(mutant, library, deadline)
      return [kind, kind === 'wrong' ? 'an id is negative' : null]
    } catch (problem) {
      if (!(problem instanceof TokenizerError)) return ['wrong', (problem as Error).stack?.slice(0, 600) ?? String(problem)]
      return [problem.code, wrongMessage(problem.message)]
    }
  }
  const [kind, wrong] = await outcome()
  const time = performance.now() - start
  const isLate = time > 2 * deadline + SLACK
  return { kind, time, failure: wrong ?? (isLate ? `took ${time.toFixed(0)} ms` : null) }
}
