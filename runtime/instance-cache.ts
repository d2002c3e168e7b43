/** Keeps the most recently used execution instances of a session, by their dims. */
import type { DimValues } from '../plan/dim.ts'
import { OutOfMemoryError, StateError } from './errors.ts'
import { createInstance, type ExecutionInstance, type SharedResources } from './instance.ts'

/** Execution instances by their dims. */
export interface InstanceCache {
  readonly at: (values: DimValues) => Promise<ExecutionInstance>
  readonly destroy: () => void
}

/** Enough for the prefill and the decode shape of two sequences. */
const CAPACITY = 4

export function createInstanceCache(resources: SharedResources): InstanceCache {
  const instances = new Map<string, ExecutionInstance>()
  let destroyed = false

  const drop = (keep: number): void => {
    for (const [key, instance] of [...instances].slice(0, Math.max(0, instances.size - keep))) {
      instance.destroy()
      instances.delete(key)
    }
  }

  const createOrEvict = async (values: DimValues): Promise<ExecutionInstance> => {
    drop(CAPACITY - 1)
    const create = (): Promise<ExecutionInstance> => createInstance(resources, values)
    return create().catch((error: unknown) => {
      if (!(error instanceof OutOfMemoryError) || instances.size === 0) throw error
      drop(0)
      return create()
    })
  }

  const at = async (values: DimValues): Promise<ExecutionInstance> => {
    const key = resources.plan.dims.map(({ name }) => values[name]).join()
    const instance = instances.get(key) ?? (await createOrEvict(values))
    if (destroyed) {
      // the session was disposed during the creation: nothing else would destroy the instance
      instance.destroy()
      throw new StateError(`the session of ${resources.plan.model} is disposed`)
    }
    // the map is ordered from the least to the most recently used
    instances.delete(key)
    instances.set(key, instance)
    return instance
  }

  const destroy = (): void => {
    destroyed = true
    drop(0)
  }

  return { at, destroy }
}
