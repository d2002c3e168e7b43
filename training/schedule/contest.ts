/**
 * In which steps which layers compete (`when training at rate after share, at_most layers a step`), drawn before the first step. Each layer
 * draws for each step after its warm-up; where as many layers as may compete in a step already do, its turn moves to the nearest step
 * before that has room, else to the nearest after, else it is dropped. Nguyen et al., 2025, arXiv:2505.13380; without a limit nothing moves.
 */
import type { Recipe } from '../../plan/recipe.ts'
import { FitError } from '../errors.ts'
import { stream } from '../random.ts'

/** Layer -> the steps, from 0 and ascending, in which it competes. Layers that never could are not listed. */
export type ContestSchedule = Readonly<Record<string, readonly number[]>>

export interface Contestant {
  readonly layer: string
  readonly rate: number
  /** The first step in which it may compete. */
  readonly first: number
  /** Layers that may compete in one step, itself included; null for any number. */
  readonly atMost: number | null
}

/** The number, above 0 and below 1, of a layer at the n-th step that it draws for. */
export type Draw = (layer: string, n: number) => number

/** Steps that only ever become fewer, and the nearest one that is left: two forests, whose paths are halved as they are walked. */
interface OpenSteps {
  readonly remove: (step: number) => void
  /** The last that is left before `step`, not before `first`, else the first that is left after it; null where there is none. */
  readonly nearest: (step: number) => number | null
}

function openSteps(first: number, steps: number): OpenSteps {
  // shifted by one, so that what lies before the first step has a place
  const [before, after] = [0, 1].map(() => Uint32Array.from({ length: steps + 2 }, (_, at) => at))
  const find = (parents: Uint32Array, start: number): number => {
    let at = start
    while (parents[at] !== at) {
      parents[at] = parents[parents[at]]
      at = parents[at]
    }
    return at
  }
  return {
    remove: (step) => {
      before[step + 1] = step
      after[step + 1] = step + 2
    },
    nearest: (step) => {
      const [earlier, later] = [find(before, step) - 1, find(after, step + 2) - 1]
      if (earlier >= first) return earlier
      return later < steps ? later : null
    },
  }
}

/** `counts` are the limited layers that compete in each step: those of `chosen` are added. */
function place({ layer, rate, first, atMost }: Contestant, steps: number, draw: Draw, counts: Uint32Array): Uint8Array {
  const chosen = new Uint8Array(steps)
  const open = openSteps(first, steps)
  const isFull = (step: number): boolean => atMost !== null && counts[step] >= atMost
  for (let step = first; step < steps; step++) if (isFull(step)) open.remove(step)
  for (let step = first; step < steps; step++) {
    if (draw(layer, step - first) >= rate) continue
    const at = isFull(step) ? open.nearest(step) : step
    // a turn that an earlier step moved here is the same one
    if (at === null || chosen[at] === 1) continue
    chosen[at] = 1
    open.remove(at)
    if (atMost !== null) counts[at]++
  }
  return chosen
}

/** Layers take their turns in order: an earlier one leaves less room to the later. */
export function schedule(contestants: readonly Contestant[], steps: number, draw: Draw): ContestSchedule {
  const counts = new Uint32Array(steps)
  return Object.fromEntries(contestants.map((contestant) => {
    const chosen = place(contestant, steps, draw, counts)
    return [contestant.layer, Array.from(chosen, (one, step) => (one === 1 ? step : -1)).filter((step) => step >= 0)]
  }))
}

const contestantsOf = ({ layers, steps }: Recipe): readonly Contestant[] =>
  layers.flatMap(({ layer, contest }) => (contest === null ? [] : [{ layer, rate: contest.rate, first: Math.floor(contest.after * steps), atMost: contest.atMost }]))

const MOST_STEPS = 2 ** 24

/** The schedule of a run, drawn from its seed. Throws a FitError where it has more steps than can be drawn for. */
export function drawSchedule(recipe: Recipe): ContestSchedule {
  const contestants = contestantsOf(recipe)
  if (contestants.length > 0 && recipe.steps > MOST_STEPS) {
    throw new FitError(null, `${recipe.steps} steps are too many to draw contests for; at most ${MOST_STEPS}`)
  }
  const streams = new Map(recipe.layers.map(({ layer }) => [layer, stream(recipe.seed, 'contest', layer)]))
  return schedule(contestants, recipe.steps, (layer, n) => streams.get(layer)!.uniform(n))
}

/** The schedule of a run that is longer from step `done` on: what was drawn for the steps before stays. */
export function lengthenSchedule(before: ContestSchedule, recipe: Recipe, done: number): ContestSchedule {
  return Object.fromEntries(Object.entries(drawSchedule(recipe)).map(([layer, steps]) =>
    [layer, [...(before[layer] ?? []).filter((step) => step < done), ...steps.filter((step) => step >= done)]]))
}

/** (step) -> the layers that compete in it, in the order of the run. */
export function chosenLayers(schedule: ContestSchedule): (step: number) => readonly string[] {
  const layers = new Map<number, string[]>()
  for (const [layer, steps] of Object.entries(schedule)) for (const step of steps) layers.set(step, [...(layers.get(step) ?? []), layer])
  return (step) => layers.get(step) ?? []
}
