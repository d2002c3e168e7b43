/** Runs in turns, round by round, so that what else the machine does meets all alike. */
import { setTimeout as wait } from 'node:timers/promises'

/** What is run over and over. */
export interface Repeated {
  readonly run: () => Promise<unknown>
}

/** Milliseconds of the runs of each round. */
export type Rounds = readonly (readonly number[])[]

/** Before a turn, in which threads of the one before go to sleep: milliseconds. */
const PAUSE = 25
/** About what a turn takes, milliseconds. */
const TURN = 60
const MOST_RUNS = 20
const FEWEST_ROUNDS = 5
/** Engines compile again what runs often: runs before the first round, and about the milliseconds they take at most. */
const WARM_UP = { runs: 20, milliseconds: 500 }

async function time({ run }: Repeated): Promise<number> {
  const start = performance.now()
  await run()
  return performance.now() - start
}

async function warmUp(one: Repeated): Promise<number> {
  const begin = performance.now()
  let best = await time(one)
  for (let run = 1; run < WARM_UP.runs && performance.now() - begin < WARM_UP.milliseconds; run++)
    best = Math.min(best, await time(one))
  return best
}

/** The first run of a turn, which wakes threads and fills caches, does not count where there are several. */
async function takeTurn(one: Repeated, runs: number): Promise<readonly number[]> {
  await wait(PAUSE)
  if (runs > 1) await one.run()
  const times: number[] = []
  for (let run = 0; run < runs; run++) times.push(await time(one))
  return times
}

/** The rounds of each: five at least, for about so many seconds each. */
export async function takeTurns(
  all: readonly Repeated[],
  seconds: number,
  onRound: (part: number) => void,
): Promise<readonly Rounds[]> {
  const runs: number[] = []
  for (const one of all) runs.push(Math.min(MOST_RUNS, Math.max(1, Math.floor(TURN / (await warmUp(one))))))
  const rounds = all.map((): (readonly number[])[] => [])
  const begin = performance.now()
  const part = (): number => (performance.now() - begin) / (seconds * all.length * 1000)
  while (rounds[0].length < FEWEST_ROUNDS || part() < 1) {
    for (const [at, one] of all.entries()) rounds[at].push(await takeTurn(one, runs[at]))
    onRound(Math.min(1, part()))
  }
  return rounds
}
