/** Distillation: a teacher, whose logits are an input of each step. */
import { elementCount, type HostData } from '../runtime/tensors.ts'
import { sequenceInput } from './data/fit.ts'
import { FitError } from './errors.ts'
import type { BatchInputs, Machine } from './machine.ts'
import type { Recipe, RecipeInput } from '../plan/recipe.ts'

/** The input of a `train` block that a teacher feeds: f32 [B, S, V], its logits. */
export const TEACHER = 'teacher'

export interface Teacher {
  /** For messages and the record. */
  readonly name: string
  /** Identifies the teacher beside its name: a run goes on with the same one. */
  readonly fingerprint: string
  readonly vocabulary: number
  /** Token ids, i32 [B, S] -> logits, f32 [B, S, V]. */
  readonly logits: (tokens: HostData) => Promise<HostData>
}

/** The inputs that the data of a run feeds: all, or all but that of the teacher. */
export const inputsOfData = (inputs: readonly RecipeInput[], teacher: Teacher | undefined): readonly RecipeInput[] =>
  teacher === undefined ? inputs : inputs.filter(({ name }) => name !== TEACHER)

/** Throws a FitError where the recipe takes no teacher, or one with another vocabulary. */
export function checkTeacher({ model, inputs }: Recipe, teacher: Teacher | undefined): void {
  if (teacher === undefined) return
  const input = inputs.find(({ name }) => name === TEACHER)
  if (input === undefined)
    throw new FitError(null, `${model} does not learn from a teacher: its \`train\` block has no input ${TEACHER}`)
  const { name, vocabulary } = teacher
  const own = input.shape.at(-1)
  if (own !== vocabulary) throw new FitError(TEACHER, `${name} has ${vocabulary} tokens, and ${model} has ${own}`)
}

/** The machine with the logits of the teacher among the inputs of each step and each evaluation. */
export function withTeacher(machine: Machine, { inputs: declared }: Recipe, teacher: Teacher): Machine {
  const { name: tokens } = sequenceInput(declared.filter(({ name }) => name !== TEACHER))
  const { shape } = declared.find(({ name }) => name === TEACHER)!
  const withLogits = async (inputs: BatchInputs): Promise<BatchInputs> => {
    const { data } = await teacher.logits(inputs[tokens])
    if (data.length !== elementCount(shape))
      throw new FitError(TEACHER, `${teacher.name} gives ${data.length} logits, and ${elementCount(shape)} are needed`)
    return { ...inputs, [TEACHER]: { shape, data } }
  }
  return {
    ...machine,
    step: async (competing, inputs) => machine.step(competing, await withLogits(inputs)),
    evaluate: async (inputs) => machine.evaluate(await withLogits(inputs)),
  }
}
