/**
 * `--weights PATH`: a checkpoint, also one of weights by their paths, or a run of `smoe train`, whose newest checkpoint it is.
 */
import { existsSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { isByPath } from '../../plan/weight-path.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import { openCheckpoint } from '../../runtime/checkpoint/files.ts'
import { INDEX, SINGLE } from '../../runtime/checkpoint/shards.ts'
import { runWeights, type RunWeights } from '../../training/checkpoint/weights.ts'
import type { Vocabulary } from '../../training/data/vocabulary.ts'
import { TrainingError } from '../../training/errors.ts'
import { listCheckpoints } from '../../training/files/checkpoints.ts'
import { CHECKPOINTS, METRICS } from '../../training/files/names.ts'
import { EXIT, Failure } from '../exit.ts'
import { missingFile } from '../load.ts'
import type { Terminal } from '../terminal.ts'

export interface OpenedWeights {
  readonly checkpoint: Checkpoint
  /** The training run that saved it; null for other checkpoints. */
  readonly run: Omit<RunWeights, 'checkpoint'> | null
}

/** The newest checkpoint in a directory of a run or in its `checkpoints`; null for a directory of another kind. */
async function newestIn(typed: string, directory: string): Promise<string | null> {
  const isRun = existsSync(join(directory, METRICS)) || existsSync(join(directory, CHECKPOINTS))
  const newest = (await listCheckpoints(isRun ? join(directory, CHECKPOINTS) : directory)).at(-1)
  const single = [SINGLE, INDEX].find((name) => existsSync(join(directory, name)))
  if (newest !== undefined && single !== undefined) {
    throw new Failure(
      EXIT.badCheckpoint,
      `'${typed}' has ${single} and checkpoints of a run`,
      `say which with the path of the file: ${join(typed, single)} or ${join(typed, relative(directory, newest.path))}`,
    )
  }
  if (newest === undefined && isRun && single === undefined)
    throw new Failure(EXIT.badCheckpoint, `the run in '${typed}' has no checkpoint`)
  return newest?.path ?? null
}

function weightsIn(checkpoint: Checkpoint): OpenedWeights {
  try {
    const found = runWeights(checkpoint)
    if (found === null && isByPath(checkpoint.metadata)) return { checkpoint: { ...checkpoint, isByPath: true }, run: null }
    return found === null ? { checkpoint, run: null } : { checkpoint: found.checkpoint, run: found }
  } catch (problem) {
    throw problem instanceof TrainingError ? new Failure(EXIT.badCheckpoint, problem.message) : problem
  }
}

/** Opens the given path. Throws a Failure or a CheckpointError. */
export async function openWeights(typed: string, terminal: Terminal): Promise<OpenedWeights> {
  const path = terminal.path(typed)
  if (!existsSync(path)) throw missingFile(typed, terminal)
  const newest = statSync(path).isDirectory() ? await newestIn(typed, path) : null
  const checkpoint = await openCheckpoint(newest ?? path)
  try {
    const opened = weightsIn(checkpoint)
    if (newest !== null) terminal.err(`weights of step ${opened.run?.step ?? '?'}: ${join(typed, relative(path, newest))}\n`)
    return opened
  } catch (problem) {
    await checkpoint.close()
    throw problem
  }
}

/** The vocabulary of a run; null if it was not trained on text or the weights are not from a run. */
export async function vocabularyOf(typed: string, terminal: Terminal): Promise<Vocabulary | null> {
  const { checkpoint, run } = await openWeights(typed, { ...terminal, err: () => {} })
  await checkpoint.close()
  return run?.vocabulary ?? null
}
