/** One thread alone: executions in order, whatever their number. */
import { expect, test } from 'vitest'
import { createThread, type Thread } from '../../../runtime/cpu/thread.ts'

const CONTROL = { signal: 0, program: 16, mail: 17, pages: 18, arrived: 32, generation: 48, done: 64, failed: 80 }
const PROGRAM = 1024

function alone() {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 4, shared: true })
  const words = new Int32Array(memory.buffer)
  words[CONTROL.program] = PROGRAM
  words[CONTROL.pages] = 1
  const spins = { idle: 1, barrier: 1 }
  const thread = createThread({ memory, control: CONTROL, thread: 0, threads: 1, spins, slices: 4 })
  return { words, thread }
}

/** Serves executions of these numbers, each asked for when the one before is done, then asks for mail that never comes. */
function serve({ words, thread }: { words: Int32Array; thread: Thread }, numbers: readonly number[]): readonly number[] {
  const done: number[] = []
  const ask = (): void => {
    if (done.length === numbers.length) words[CONTROL.mail] = 1
    words[CONTROL.signal] = numbers[done.length] ?? 0
  }
  ask()
  thread.serve(
    () => {},
    () => {
      done.push(words[CONTROL.done])
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
  const failures: number[] = []
  thread.run((dispatch) => failures.push(dispatch))
  expect(failures).toEqual([0])
  expect(words[CONTROL.failed]).toBe(1)
})
