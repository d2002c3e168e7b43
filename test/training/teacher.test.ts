/** A teacher among the inputs of a run, and what is refused. */
import { expect, test } from 'vitest'
import { savedOf, resumeFrom } from '../../training/checkpoint/of-run.ts'
import type { TrainingEvent } from '../../training/events.ts'
import { train } from '../../training/loop.ts'
import type { BatchInputs, Machine } from '../../training/machine.ts'
import type { Training } from '../../training/run.ts'
import type { Teacher } from '../../training/teacher.ts'
import { bigrams, fakeMachine } from './fake-machine.ts'
import { recipeOf } from './recipes.ts'
import { chain } from './texts.ts'

const INPUTS = [...recipeOf().inputs, { name: 'teacher', dtype: 'f32', shape: [2, 4, 12], below: null } as const]
const recipe = bigrams({ inputs: INPUTS })

/** Logits that are the tokens. */
const echo = (more: Partial<Teacher> = {}): Teacher => ({
  name: 'echo',
  fingerprint: '00000001',
  vocabulary: 12,
  logits: async ({ shape, data }) => ({
    shape: [...shape, 12],
    data: Float32Array.from({ length: data.length * 12 }, (_, at) => data[Math.floor(at / 12)]),
  }),
  ...more,
})

/** A machine that keeps what it was given. */
function watched(): { readonly machine: Machine; readonly seen: BatchInputs[] } {
  const machine = fakeMachine(recipe)
  const seen: BatchInputs[] = []
  return {
    seen,
    machine: {
      ...machine,
      step: (competing, inputs) => (seen.push(inputs), machine.step(competing, inputs)),
      evaluate: (inputs) => (seen.push(inputs), machine.evaluate(inputs)),
    },
  }
}

const optionsOf = (machine: Machine, more: Partial<Training> = {}): Training => ({
  recipe,
  machine,
  training: chain(60),
  validation: chain(30, 5),
  validateEvery: 3,
  teacher: echo(),
  ...more,
})

async function all(events: AsyncIterable<TrainingEvent>): Promise<readonly TrainingEvent[]> {
  const found: TrainingEvent[] = []
  for await (const event of events) found.push(event)
  return found
}

test('its logits are an input of each step and of each evaluation', async () => {
  const { machine, seen } = watched()
  const events = await all(train(optionsOf(machine)))
  expect(events[0]).toMatchObject({ kind: 'start', teacher: { name: 'echo', fingerprint: '00000001' } })
  expect(seen.length).toBeGreaterThan(recipe.steps * recipe.accumulate)
  for (const { tokens, teacher } of seen) {
    expect(teacher.shape).toEqual([2, 4, 12])
    expect(Array.from(teacher.data as Float32Array).filter((_, at) => at % 12 === 0)).toEqual(Array.from(tokens.data))
  }
})

test('without one the data has to feed the input', async () => {
  const { machine } = watched()
  await expect(all(train(optionsOf(machine, { teacher: undefined })))).rejects.toThrow(/the model expects teacher; .* has tokens/)
})

test.each([
  ['another vocabulary', recipe, echo({ vocabulary: 13 }), 'echo has 13 tokens, and tiny has 12'],
  ['a model that takes none', bigrams(), echo(), 'tiny does not learn from a teacher: its `train` block has no input teacher'],
])('%s is refused before the first step', async (_, other, teacher, message) => {
  const { machine, seen } = watched()
  await expect(all(train(optionsOf(machine, { recipe: other, teacher })))).rejects.toThrow(message)
  expect(seen).toEqual([])
})

test('a run goes on with its own teacher alone', async () => {
  const { machine } = watched()
  const events = await all(train(optionsOf(machine)))
  const [start] = events
  const checkpoint = events.find((event) => event.kind === 'checkpoint')
  if (start.kind !== 'start' || checkpoint?.kind !== 'checkpoint') throw new Error('no checkpoint')
  const saved = await savedOf(optionsOf(machine), start, checkpoint.progress)
  const resumed = (teacher?: Teacher): Promise<unknown> => resumeFrom('a', saved, optionsOf(machine, { teacher }))
  await expect(resumed(echo({ name: 'renamed' }))).resolves.toMatchObject({ from: checkpoint.progress })
  await expect(resumed(echo({ fingerprint: '00000002' }))).rejects.toThrow('its teacher was 00000001, and is now 00000002')
  await expect(resumed()).rejects.toThrow('its teacher was 00000001, and is now absent')
})
