/** A machine that runs the programs of training on an executor: a device or the f64 reference. */
import type { OutputRole, RoleKind } from '../plan/output-role.ts'
import { own } from '../plan/table.ts'
import type { Recipe } from '../plan/recipe.ts'
import type { TrainingPrograms } from '../plan/training-programs.ts'
import { optimizerStateNames, updateInputs, type UpdatedTensor } from '../plan/update.ts'
import type { FileData } from '../runtime/checkpoint/encode.ts'
import { recordOf } from '../runtime/routing/tensors.ts'
import type { BatchInputs, BatchMetrics, Machine, State } from './machine.ts'

/** A graph or a plan, as far as a machine reads it. */
export interface Program {
  readonly outputs: readonly { readonly name: string; readonly role?: OutputRole }[]
}

export interface ProgramResult {
  /** Those of the program. */
  readonly outputs: Program['outputs']
  /** The values of the outputs that replace no state, by name. */
  readonly values: Readonly<Record<string, FileData>>
}

/** A program to run. Programs with the same key are the same. */
export interface ProgramCall<P> {
  readonly kind: 'step' | 'update' | 'f16 copies' | 'evaluation'
  readonly key: string
  readonly make: () => P
  /** At least the inputs that the program declares. */
  readonly inputs: BatchInputs
}

/** What runs programs of type `P` on named state, weights and optimizer state, of tensors of type `T`. */
export interface Executor<P extends Program, T extends FileData> {
  /** The name of what computes, for the record. */
  readonly adapter: string
  /** Runs a program. Outputs that replace state are kept. */
  readonly run: (call: ProgramCall<P>) => Promise<ProgramResult>
  /** Whether this state was written or created. */
  readonly has: (name: string) => boolean
  /** Reads state that there is. Throws a StoreError for other names. */
  readonly read: (names: readonly string[]) => Promise<Readonly<Record<string, T>>>
  readonly write: (tensors: State) => Promise<void>
  readonly zeros: (shape: readonly number[]) => T
}

export interface ProgramMachine<T extends FileData> extends Machine {
  readonly read: (names?: readonly string[]) => Promise<Readonly<Record<string, T>>>
}

/** Programs that a machine keeps: each set of competitions has its own step, and there may be more than fit in memory. */
export const MAX_PROGRAMS = 32

/** Shapes of weights and optimizer state, by name. */
function shapesOf(recipe: Recipe): ReadonlyMap<string, readonly number[]> {
  const states = recipe.weights.flatMap((weight) =>
    optimizerStateNames({ ...recipe, weights: [weight] }).map((name) => [name, weight.shape] as const),
  )
  return new Map([...recipe.weights.map(({ name, shape }) => [name, shape] as const), ...states])
}

const numbersOf = ({ outputs, values }: ProgramResult, kind: RoleKind): Readonly<Record<string, number>> =>
  Object.fromEntries(outputs.flatMap(({ name, role }) => (role?.kind === kind ? [[name, Number(values[name].data[0])]] : [])))

/** Losses, metrics and routing among the outputs of a program. */
function batchMetricsOf({ layers }: Recipe, result: ProgramResult): BatchMetrics {
  const routes = layers
    .filter(({ selected }) => selected in result.values)
    .map(({ layer, experts, selected, weights }) => ({ layer, experts, selected, weights, spilled: null }))
  return {
    losses: numbersOf(result, 'loss'),
    metrics: numbersOf(result, 'metric'),
    routes: routes.length === 0 ? null : recordOf(routes, result.values),
  }
}

const scalar = (value: number): BatchInputs[string] => ({ shape: [], data: Float32Array.of(value) })

/** `updated` lists the tensors that the update program updates; by default each trainable weight. */
export function createProgramMachine<P extends Program, T extends FileData>(
  programs: TrainingPrograms<P>,
  executor: Executor<P, T>,
  updated?: readonly UpdatedTensor[],
): ProgramMachine<T> {
  const { recipe, f16Weights } = programs
  const shapes = shapesOf(recipe)
  let isFirst = true
  return {
    adapter: executor.adapter,
    step: async (competing, inputs) => {
      const first = isFirst
      const key = `${first ? 'first' : 'later'} ${competing.join(' ')}`
      const result = await executor.run({ kind: 'step', key, make: () => programs.step(competing, first), inputs })
      isFirst = false
      return batchMetricsOf(recipe, result)
    },
    update: async ({ learningRate, update, lossScale }) => {
      const scalars = Object.entries(updateInputs(recipe, learningRate, update, lossScale))
      const inputs = Object.fromEntries(scalars.map(([name, value]) => [name, scalar(value)]))
      const result = await executor.run({ kind: 'update', key: 'update', make: () => programs.update(updated), inputs })
      isFirst = true
      const [norm] = Object.values(numbersOf(result, 'norm'))
      return { norm }
    },
    evaluate: async (inputs) =>
      batchMetricsOf(recipe, await executor.run({ kind: 'evaluation', key: 'evaluation', make: programs.evaluation, inputs })),
    read: async (names = [...shapes.keys()]) => {
      const values = await executor.read(names.filter((name) => executor.has(name) || !shapes.has(name)))
      // in the given order; a tensor that was never written is zero, also before a program creates it
      return Object.fromEntries(names.map((name) => [name, own(values, name) ?? executor.zeros(shapes.get(name)!)]))
    },
    write: async (tensors) => {
      await executor.write(tensors)
      if (Object.keys(tensors).some((name) => f16Weights.has(name)))
        await executor.run({ kind: 'f16 copies', key: 'f16 copies', make: () => programs.f16Copies(updated), inputs: {} })
    },
  }
}
