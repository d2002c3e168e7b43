/** The tokenizer beside the weights of a model. */
import { readRegularSync } from '../../runtime/files/index.ts'
import { openDecoder, type Decode } from '../../text/decoder/open.ts'
import { TokenizerError } from '../../text/tokenizer/errors.ts'
import { openTokenizer, type Tokenizer } from '../../text/tokenizer/open.ts'
import { MOST_BYTES } from '../../text/tokenizer/scan.ts'
import { EXIT, Failure } from '../exit.ts'
import type { Terminal } from '../terminal.ts'

const asFailure = (path: string, problem: unknown): unknown =>
  problem instanceof TokenizerError ? new Failure(EXIT.badCheckpoint, `${path}: ${problem.message}`) : problem

const read = (path: string, terminal: Terminal): Uint8Array => readRegularSync(terminal.path(path), MOST_BYTES + 1)

/** Throws a Failure for a file that is refused. */
export function readDecoder(path: string, terminal: Terminal): Decode {
  try {
    return openDecoder(read(path, terminal))
  } catch (problem) {
    throw asFailure(path, problem)
  }
}

/**
 * Opens the tokenizer, runs the work, and ends its thread in any case. `deadline` is in milliseconds. Throws a Failure for a
 * tokenizer that is refused, that does not end, or has no tokens for a text.
 */
export async function withTokenizer<T>(
  path: string,
  deadline: number | undefined,
  terminal: Terminal,
  work: (tokenizer: Tokenizer) => Promise<T>,
): Promise<T> {
  try {
    const tokenizer = await openTokenizer(read(path, terminal), { deadline })
    try {
      return await work(tokenizer)
    } finally {
      await tokenizer.close()
    }
  } catch (problem) {
    throw asFailure(path, problem)
  }
}
