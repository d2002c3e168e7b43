/**
 * In which steps which layers compete (`when training at rate after share, at_most layers a step`), drawn before the first step. Each layer
 * draws for each step after its warm-up; where as many layers as may compete in a step already do, its turn moves to the nearest step
 * before that has room, else to the nearest after, else it is dropped. Nguyen et al., 2025, arXiv:2505.13380; without a limit nothing moves.
 * `all layers together` is one draw per step, compared with the rate of each layer. A policy with several such blocks draws for each,
 * and a limit counts only layers of the same block.
 */
import { formulaAt, formulaText, progressAt, type Formula } from '../../plan/formula.ts'
import { competitionStepsOf, type NamedCompetitionStep, type Recipe } from '../../plan/recipe.ts'
import { FitError } from '../errors.ts'
import { stream } from '../random.ts'

/** Contest name -> the steps, from 0 and ascending, in which it runs. Layers without contests are not listed. */
export type ContestSchedule = Readonly<Record<string, readonly number[]>>

export interface Contestant {
  readonly layer: string
  /** Of each step, where it changes. */
  readonly rate: number | ((step: number) => number)
  /** The first step in which it may compete. */
  readonly first: number
  /** Layers that may compete in one step, itself included; null for any number. */
  readonly atMost: number | null
  /** Contests with the same index count together for the limit; 0 by default. */
  readonly place?: number
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
  const rateAt = typeof rate === 'number' ? () => rate : rate
  const isFull = (step: number): boolean => atMost !== null && counts[step] >= atMost
  for (let step = first; step < steps; step++) if (isFull(step)) open.remove(step)
  for (let step = first; step < steps; step++) {
    if (draw(layer, step - first) >= rateAt(step)) continue
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
  const counts = new Map<number, Uint32Array>()
  return Object.fromEntries(
    contestants.map((contestant) => {
      const { place: at = 0 } = contestant
      const count = counts.get(at) ?? new Uint32Array(steps)
      counts.set(at, count)
      const chosen = place(contestant, steps, draw, count)
      return [contestant.layer, Array.from(chosen, (one, step) => (one === 1 ? step : -1)).filter((step) => step >= 0)]
    }),
  )
}

/** The rate of each step. Throws a FitError if it is not a probability in some step. */
function rateOf(name: string, rate: Formula, steps: number): Contestant['rate'] {
  if (typeof rate === 'number') return rate
  return (step) => {
    const value = formulaAt(rate, progressAt(step, steps))
    if (typeof value === 'number' && value >= 0 && value <= 1) return value
    throw new FitError(
      null,
      `${name} competes at ${formulaText(rate)}, which is ${value} in step ${step + 1} of ${steps}; a rate is in 0..1`,
    )
  }
}

const namedContests = ({ layers }: Recipe): readonly NamedCompetitionStep[] => layers.flatMap(competitionStepsOf)

const firstStep = ({ competition }: NamedCompetitionStep, steps: number): number => Math.floor(competition.after * steps)

/** The uniform draw of a contest for each step; contests that draw together share it. */
function drawsOf({ seed, steps }: Recipe, all: readonly NamedCompetitionStep[]): Draw {
  const draws = new Map(
    all.map((one) => {
      const { name, at, competition } = one
      if (competition.together !== true) return [name, stream(seed, 'contest', name).uniform] as const
      const { uniform } = stream(seed, 'contest', `all layers #${at + 1}`)
      return [name, (n: number) => uniform(n + firstStep(one, steps))] as const
    }),
  )
  return (name, n) => draws.get(name)!(n)
}

const MOST_STEPS = 2 ** 24

/** The schedule of a run, drawn from its seed. Throws a FitError where it has more steps than can be drawn for, or a rate is not a probability. */
export function drawSchedule(recipe: Recipe): ContestSchedule {
  const { steps } = recipe
  const all = namedContests(recipe)
  if (all.length > 0 && steps > MOST_STEPS)
    throw new FitError(null, `${steps} steps are too many for drawing contests; the maximum is ${MOST_STEPS}`)
  const contestants = all.map((one): Contestant => {
    const {
      name,
      at,
      competition: { rate, atMost },
    } = one
    return { layer: name, rate: rateOf(name, rate, steps), first: firstStep(one, steps), atMost, place: at }
  })
  return schedule(contestants, steps, drawsOf(recipe, all))
}

/** The schedule of a run that is extended after step `done`: draws of earlier steps are kept. */
export function lengthenSchedule(before: ContestSchedule, recipe: Recipe, done: number): ContestSchedule {
  return Object.fromEntries(
    Object.entries(drawSchedule(recipe)).map(([layer, steps]) => [
      layer,
      [...(before[layer] ?? []).filter((step) => step < done), ...steps.filter((step) => step >= done)],
    ]),
  )
}

/** (step) -> the layers that compete in it, in the order of the run. */
export function chosenLayers(schedule: ContestSchedule): (step: number) => readonly string[] {
  const layers = new Map<number, string[]>()
  for (const [layer, steps] of Object.entries(schedule))
    for (const step of steps) layers.set(step, [...(layers.get(step) ?? []), layer])
  return (step) => layers.get(step) ?? []
}
