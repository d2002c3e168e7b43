/** What a machine reports of a program: by the roles of its outputs. */
import { expect, test } from 'vitest'
import type { TrainingPrograms } from '../../plan/training-programs.ts'
import { createProgramMachine, type Executor, type Program, type ProgramResult } from '../../training/program-machine.ts'
import type { FileData } from '../../runtime/checkpoint/encode.ts'
import { recipeOf } from './recipes.ts'

const number = (value: number): FileData => ({ shape: [], data: Float32Array.of(value) })

const result: ProgramResult = {
  outputs: [
    { name: 'loss.user' },
    { name: 'metric.user' },
    { name: 'norm' },
    { name: 'a', role: { kind: 'loss', path: '', term: 'a' } },
    { name: 'b', role: { kind: 'metric', path: '', term: 'b' } },
    { name: 'c', role: { kind: 'norm' } },
    { name: 'w', role: { kind: 'weight', of: 'w' } },
  ],
  values: { 'loss.user': number(1), 'metric.user': number(2), norm: number(3), a: number(4), b: number(5), c: number(6) },
}

const executor: Executor<Program, FileData> = {
  adapter: 'none',
  run: async () => result,
  has: () => false,
  read: async () => ({}),
  write: async () => {},
  zeros: () => number(0),
}

test('an output without a role is not reported, whatever its name is', async () => {
  const program = (): Program => result
  const programs: TrainingPrograms<Program> = {
    recipe: { ...recipeOf(), layers: [] },
    f16Weights: new Set(),
    step: program,
    update: program,
    f16Copies: program,
    evaluation: program,
  }
  const machine = createProgramMachine(programs, executor)
  const reported = { losses: { a: 4 }, metrics: { b: 5 }, routes: null }
  expect(await machine.step([], {})).toEqual(reported)
  expect(await machine.evaluate({})).toEqual(reported)
  expect(await machine.update({ learningRate: 1, update: 1, lossScale: 1 })).toEqual({ norm: 6 })
})
