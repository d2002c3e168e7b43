import type { DimValues } from '../plan/dim.ts'
import { OutOfMemoryError, StateError } from './errors.ts'
import { createFrame, type Frame, type Ground } from './frame.ts'

/** Frames by their dims, the ones used last. */
export interface Frames {
  readonly at: (values: DimValues) => Promise<Frame>
  readonly destroy: () => void
}

/** A prompt's and a single token's, and some to spare. */
const KEPT = 4

export function createFrames(ground: Ground): Frames {
  const frames = new Map<string, Frame>()
  let destroyed = false

  const drop = (keep: number): void => {
    for (const [key, frame] of [...frames].slice(0, Math.max(0, frames.size - keep))) {
      frame.destroy()
      frames.delete(key)
    }
  }

  const make = async (values: DimValues): Promise<Frame> => {
    drop(KEPT - 1)
    const create = (): Promise<Frame> => createFrame(ground, values)
    return create().catch((error: unknown) => {
      if (!(error instanceof OutOfMemoryError) || frames.size === 0) throw error
      drop(0)
      return create()
    })
  }

  const at = async (values: DimValues): Promise<Frame> => {
    const key = ground.plan.dims.map(({ name }) => values[name]).join()
    const frame = frames.get(key) ?? (await make(values))
    if (destroyed) {
      // disposed while the frame was being created: nothing else would destroy it
      frame.destroy()
      throw new StateError(`the session of ${ground.plan.model} is disposed`)
    }
    // the one used last stands last
    frames.delete(key)
    frames.set(key, frame)
    return frame
  }

  const destroy = (): void => {
    destroyed = true
    drop(0)
  }

  return { at, destroy }
}
