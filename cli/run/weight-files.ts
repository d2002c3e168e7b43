/** The weight files of a run, open while it works. */
import type { Plan } from '../../plan/plan.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import { memoryCheckpoint } from '../../runtime/checkpoint/memory.ts'
import { EXIT, Failure } from '../exit.ts'
import { plural } from '../output.ts'
import type { Terminal } from '../terminal.ts'
import { openHeld } from './held.ts'
import { openWeights } from './weights.ts'

interface Paths {
  readonly weights?: string
  readonly held?: string
}

async function openNeeded(path: string | undefined, needed: number, terminal: Terminal): Promise<Checkpoint> {
  if (path !== undefined) return (await openWeights(path, terminal)).checkpoint
  if (needed === 0) return memoryCheckpoint({}, 'no checkpoint')
  throw new Failure(EXIT.usage, `the model has ${plural(needed, 'weight')}`, 'say where they are with --weights DIR_OR_FILE')
}

export interface WeightFiles {
  readonly checkpoint: Checkpoint
  /** Null if no precomputed tensors are given. */
  readonly held: Checkpoint | null
}

/** Opens the files, runs the work, and closes them in any case. Throws a Failure or a CheckpointError. */
export async function withWeights<T>(
  paths: Paths,
  plan: Plan,
  terminal: Terminal,
  work: (files: WeightFiles) => Promise<T>,
): Promise<T> {
  const held = await openHeld(paths.held, plan, terminal)
  try {
    const checkpoint = await openNeeded(paths.weights, plan.weights.length, terminal)
    try {
      return await work({ checkpoint, held })
    } finally {
      await checkpoint.close()
    }
  } finally {
    await held?.close()
  }
}
