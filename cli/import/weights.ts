/** Whether the tensors of a checkpoint are those of an imported spec. Reads headers, and the head where two are to be compared. */
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

/** Bytes of each tensor that are compared at a time. */
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
  /** Tensors that nothing but a spec of this name would read; each is known and without effect on it. */
  readonly without: readonly string[]
  readonly allowUnread: boolean
}

/**
 * Throws a Failure where the spec is not valid, a WeightError with all that the spec wants and the checkpoint does not have so, and a Failure for tensors that nothing reads,
 * unless they are allowed: then gives them as a sentence, null where there are none.
 */
export function checkWeights(name: string, spec: string, checkpoint: Checkpoint, { without, allowUnread }: CheckedWeights, terminal: Terminal): string | null {
  const { file } = parse({ path: `${name}.smoe`, text: spec })
  const { model, diagnostics } = check(file, { load: createLoader(terminal), set: {} })
  // the form is that of a known architecture, so only its numbers can be too large
  if (model === null) throw new Failure(EXIT.badCheckpoint, `the sizes in the config are beyond what a spec may have: ${diagnostics[0].message}`)
  const { problems, extra } = matchWeights({ weights: weightPorts(lower(model)) }, checkpoint)
  if (problems.length > 0) throw new WeightError(checkpoint.name, problems)
  const unread = extra.filter((tensor) => !without.includes(tensor))
  if (unread.length === 0) return null
  const text = unreadText(checkpoint, unread)
  if (allowUnread) return text
  throw new Failure(EXIT.badCheckpoint, text, 'the config does not say what they are for; --allow-unread writes a spec that does without them')
}
