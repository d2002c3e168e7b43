/** Bytes that stay on the heap for each repetition of something. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

async function heapUsed(): Promise<number> {
  // finalisers run between two collections
  for (let round = 0; round < 3; round++) {
    collect()
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  return process.memoryUsage().heapUsed
}

/** Rounds: what the engine itself keeps, such as compiled code, comes in one of them, and what leaks in each. */
const ROUNDS = 3

/** The least of some rounds that do `work` `count` times together, after a third of that, in which tables of the engine fill. */
export async function growthOf(count: number, work: (at: number) => unknown): Promise<number> {
  const each = Math.ceil(count / ROUNDS)
  for (let at = 0; at < count / 3; at++) await work(at)
  let [least, before] = [Infinity, await heapUsed()]
  for (let round = 0; round < ROUNDS; round++) {
    for (let at = 0; at < each; at++) await work(round * each + at)
    const after = await heapUsed()
    least = Math.min(least, (after - before) / each)
    before = after
  }
  return least
}
