/** One thread alone: executions in order, whatever their number. */
import { expect, test } from 'vitest'
import { CONTROL } from '../../../runtime/cpu/pool.ts'
import { createThread, type Thread } from '../../../runtime/cpu/thread.ts'

const PROGRAM = 1024

function alone() {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 4, shared: true })
  const words = new Int32Array(memory.buffer)
  words[CONTROL.program] = PROGRAM
  words[CONTROL.pages] = 1
  const spins = { idle: 1, barrier: 1 }
  const options = { memory, control: CONTROL, thread: 0, threads: 1, asked: CONTROL.first, spins, slices: 4, patience: Infinity }
  const thread = createThread(options)
  return { words, thread }
}

/** Serves executions of these numbers, each asked for when the one before is done, then asks for mail that never comes. */
function serve({ words, thread }: { words: Int32Array; thread: Thread }, numbers: readonly number[]): readonly number[] {
  const done: number[] = []
  const ask = (): void => {
    if (done.length === numbers.length) words[CONTROL.mail] = 1
    const number = numbers[done.length] ?? 0
    words[CONTROL.done] = words[CONTROL.complete] = number - 1
    words[CONTROL.run] = words[CONTROL.taken] = 0
    words[CONTROL.signal] = words[CONTROL.first] = number
  }
  ask()
  thread.serve(
    () => {},
    (execution) => {
      done.push(execution)
      expect(words[CONTROL.done]).toBe(execution)
      ask()
    },
  )
  return done
}

test('numbers of executions wrap after 2^31', () => {
  const numbers = [1, 2 ** 31 - 1, -(2 ** 31), -(2 ** 31) + 1, -1]
  expect(serve(alone(), numbers)).toEqual(numbers)
})

test('a kernel that is not there is the failure of its dispatch', () => {
  const { words, thread } = alone()
  // one dispatch of kernel 7 with one workgroup
  words.set([1, 0, 0, 0, 7, 0, 1], PROGRAM / 4)
  words[CONTROL.signal] = words[CONTROL.first] = 1
  const failures: number[] = []
  const done: number[] = []
  expect(
    thread.join(
      (dispatch) => failures.push(dispatch),
      (execution) => done.push(execution),
    ),
  ).toBe(true)
  expect(done).toEqual([1])
  expect(failures).toEqual([0])
  expect(words[CONTROL.failed]).toBe(1)
})

test('an execution that is complete is not run again, and one that asks another thread is left to it', () => {
  const { words, thread } = alone()
  words.set([1, 0, 0, 0, 7, 0, 1], PROGRAM / 4)
  const failures: number[] = []
  const join = () =>
    thread.join(
      (dispatch) => failures.push(dispatch),
      () => {},
    )
  words[CONTROL.signal] = 1
  join()
  expect(failures).toEqual([])
  words[CONTROL.first] = 1
  join()
  join()
  expect(failures).toEqual([0])
  expect([words[CONTROL.run], words[CONTROL.active], words[CONTROL.done]]).toEqual([1, 0, 1])
})
