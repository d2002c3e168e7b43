/**
 * Checks the tensors of a checkpoint against an imported spec. Reads headers only, and the data of a head that may equal the
 * embedding.
 */
import { lower } from '../../compiler/lower/lower.ts'
import { check } from '../../compiler/model/check.ts'
import { parse } from '../../grammar/parse.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import { WeightError } from '../../runtime/errors.ts'
import { matchWeights } from '../../runtime/weights/match.ts'
import { EXIT, Failure } from '../exit.ts'
import { createLoader } from '../load.ts'
import { weightPorts } from '../run/reference.ts'
import type { Terminal } from '../terminal.ts'
import { unreadText } from '../unread.ts'
import { EMBEDDING, HEAD } from './decoder-text.ts'

/** Chunk size of the comparison, in bytes. */
const CHUNK = 8 * 2 ** 20

async function areEqual(checkpoint: Checkpoint, a: string, b: string): Promise<boolean> {
  const [one, other] = [checkpoint.tensors.get(a)!, checkpoint.tensors.get(b)!]
  if (one.dtype !== other.dtype || one.shape.join() !== other.shape.join()) return false
  for (let done = 0; done < one.bytes; done += CHUNK) {
    const length = Math.min(CHUNK, one.bytes - done)
    const [left, right] = [await checkpoint.read(a, done, length), await checkpoint.read(b, done, length)]
    if (Buffer.compare(left, right) !== 0) return false
  }
  return true
}

/** `own`: a head beside the embedding that differs from it. `copy`: one that is the same, byte for byte. */
export async function headOf(checkpoint: Checkpoint): Promise<'none' | 'copy' | 'own'> {
  if (!checkpoint.tensors.has(HEAD)) return 'none'
  return checkpoint.tensors.has(EMBEDDING) && (await areEqual(checkpoint, EMBEDDING, HEAD)) ? 'copy' : 'own'
}

export interface CheckedWeights {
  /** Tensors that are known to have no effect on this architecture. */
  readonly without: readonly string[]
  readonly allowUnread: boolean
}

/**
 * Throws a Failure for an invalid spec, a WeightError with all missing or mismatched tensors, and a Failure for unread tensors
 * unless they are allowed: then returns a sentence about them, null if there are none.
 */
export function checkWeights(
  name: string,
  spec: string,
  checkpoint: Checkpoint,
  { without, allowUnread }: CheckedWeights,
  terminal: Terminal,
): string | null {
  const { file } = parse({ path: `${name}.smoe`, text: spec })
  const { model, diagnostics } = check(file, { load: createLoader(terminal), set: {} })
  // the form is that of a known architecture, so only its numbers can be too large
  if (model === null)
    throw new Failure(EXIT.badCheckpoint, `the sizes in the config are beyond what a spec may have: ${diagnostics[0].message}`)
  const { problems, extra } = matchWeights({ weights: weightPorts(lower(model)) }, checkpoint)
  if (problems.length > 0) throw new WeightError(checkpoint.name, problems)
  const unread = extra.filter((tensor) => !without.includes(tensor))
  if (unread.length === 0) return null
  const text = unreadText(checkpoint, unread)
  if (allowUnread) return text
  throw new Failure(
    EXIT.badCheckpoint,
    text,
    'the config does not say what they are for; --allow-unread writes a spec that does without them',
  )
}
