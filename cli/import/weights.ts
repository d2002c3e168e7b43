/**
 * Checks the tensors of a checkpoint against an imported spec. Reads headers only, and the data of a head that may equal the
 * embedding.
 */
import { lower } from '../../compiler/lower/lower.ts'
import { check } from '../../compiler/model/check.ts'
import type { Model } from '../../compiler/model/model.ts'
import { parse } from '../../grammar/parse.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import { WeightError, type WeightProblem } from '../../runtime/errors.ts'
import { matchWeights } from '../../runtime/weights/match.ts'
import { EXIT, Failure } from '../exit.ts'
import { createLoader } from '../load.ts'
import { weightPorts } from '../run/reference.ts'
import type { Terminal } from '../terminal.ts'
import { unreadText } from '../unread.ts'
import type { Tie } from './row.ts'
import { coverageProblems } from './coverage.ts'

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
export async function headOf(checkpoint: Checkpoint, { embedding, head }: Tie): Promise<'none' | 'copy' | 'own'> {
  if (!checkpoint.tensors.has(head)) return 'none'
  return checkpoint.tensors.has(embedding) && (await areEqual(checkpoint, embedding, head)) ? 'copy' : 'own'
}

export interface CheckedWeights {
  /** Whether a tensor is known to have no effect on the logits. */
  readonly isIgnorable: (tensor: string) => boolean
  readonly allowUnread: boolean
}

const UNREAD = 'the config does not say what they are for; --allow-unread writes a spec that does without them'

/** The model of an imported spec. Throws a Failure: the form is that of an architecture, so only sizes can be too large. */
export function checkedModel(name: string, spec: string, terminal: Terminal): Model {
  const { file } = parse({ path: `${name}.smoe`, text: spec })
  const { model, diagnostics } = check(file, { load: createLoader(terminal), set: {} })
  if (model !== null) return model
  throw new Failure(EXIT.badCheckpoint, `the sizes in the config are beyond what a spec may have: ${diagnostics[0].message}`)
}

/**
 * Each tensor is read once, and each weight is filled. Throws a Failure for an invalid spec, and for unread tensors unless they
 * are allowed; a WeightError with all that is amiss where a weight does not fit. Else returns a sentence about unread tensors,
 * null if there are none.
 */
export function checkWeights(
  name: string,
  spec: string,
  checkpoint: Checkpoint,
  { isIgnorable, allowUnread }: CheckedWeights,
  terminal: Terminal,
): string | null {
  const model = checkedModel(name, spec, terminal)
  const { matches, problems, extra } = matchWeights({ weights: weightPorts(lower(model)) }, checkpoint)
  const unread = extra.filter((tensor) => !isIgnorable(tensor))
  const text = unread.length === 0 ? null : unreadText(checkpoint, unread)
  const faulty = new Set(problems.map(({ tensor }) => tensor))
  const misfits = [...problems, ...coverageProblems(matches).filter(({ tensor }) => !faulty.has(tensor))]
  if (misfits.length > 0) {
    const rest: readonly WeightProblem[] =
      text === null ? [] : [{ code: 'extra', weight: null, tensor: unread[0], near: [], message: text }]
    throw new WeightError(checkpoint.name, [...rest, ...misfits])
  }
  if (text === null || allowUnread) return text
  throw new Failure(EXIT.badCheckpoint, text, UNREAD)
}
