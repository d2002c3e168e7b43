/**
 * The steps in which each layer runs its competition (`when training at rate after share, at_most layers a step`), drawn before
 * the first step. Each layer draws for each step after its warmup. If the limit of a step is reached, the competition moves to
 * the nearest earlier step below the limit, else to the nearest later one, else it is dropped. Nguyen et al., 2025,
 * arXiv:2505.13380. `all layers together` is one draw per step, compared with the rate of each layer. A policy with several such
 * blocks draws for each, and a limit counts only layers of the same block.
 */
import { formulaAt, formulaText, progressAt, type Formula } from '../../plan/formula.ts'
import { competitionStepsOf, type NamedCompetitionStep, type Recipe } from '../../plan/recipe.ts'
import { FitError } from '../errors.ts'
import { stream } from '../random.ts'

/** Name of a competition -> the steps, from 0 and ascending, in which it runs. Layers without competitions are not listed. */
export type CompetitionSchedule = Readonly<Record<string, readonly number[]>>

export interface CompetingLayer {
  readonly layer: string
  /** The probability of a competition in each step. */
  readonly rate: number | ((step: number) => number)
  /** The first step in which it may compete. */
  readonly first: number
  /** The maximum number of layers that compete in one step, this one included; null for no limit. */
  readonly atMost: number | null
  /** Competitions with the same index count together for the limit; 0 by default. */
  readonly place?: number
}

/** The uniform number, in (0, 1), of a layer at the n-th step that it draws for. */
export type Draw = (layer: string, n: number) => number

/** A shrinking set of steps with nearest-neighbour queries: two union-find forests with path halving. */
interface OpenSteps {
  readonly remove: (step: number) => void
  /** The last open step before `step`, not before `first`, else the first open one after it; null if there is none. */
  readonly nearest: (step: number) => number | null
}

function openSteps(first: number, steps: number): OpenSteps {
  // shifted by one: entry 0 stands for "none before the first step"
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

/** Places the competitions of one layer. `counts`, of layers with a limit that compete in each step, is updated. */
function place({ layer, rate, first, atMost }: CompetingLayer, steps: number, draw: Draw, counts: Uint32Array): Uint8Array {
  const chosen = new Uint8Array(steps)
  const open = openSteps(first, steps)
  const rateAt = typeof rate === 'number' ? () => rate : rate
  const isFull = (step: number): boolean => atMost !== null && counts[step] >= atMost
  for (let step = first; step < steps; step++) if (isFull(step)) open.remove(step)
  for (let step = first; step < steps; step++) {
    if (draw(layer, step - first) >= rateAt(step)) continue
    const at = isFull(step) ? open.nearest(step) : step
    // a competition that moved here from another step counts once
    if (at === null || chosen[at] === 1) continue
    chosen[at] = 1
    open.remove(at)
    if (atMost !== null) counts[at]++
  }
  return chosen
}

/** Layers are placed in order: earlier layers use up the limits first. */
export function schedule(layers: readonly CompetingLayer[], steps: number, draw: Draw): CompetitionSchedule {
  const counts = new Map<number, Uint32Array>()
  return Object.fromEntries(
    layers.map((layer) => {
      const { place: at = 0 } = layer
      const count = counts.get(at) ?? new Uint32Array(steps)
      counts.set(at, count)
      const chosen = place(layer, steps, draw, count)
      return [layer.layer, Array.from(chosen, (one, step) => (one === 1 ? step : -1)).filter((step) => step >= 0)]
    }),
  )
}

/** The rate in each step. Throws a FitError if it is not a probability in some step. */
function rateOf(name: string, rate: Formula, steps: number): CompetingLayer['rate'] {
  if (typeof rate === 'number') return rate
  return (step) => {
    const value = formulaAt(rate, progressAt(step, steps))
    if (typeof value === 'number' && value >= 0 && value <= 1) return value
    throw new FitError(
      null,
      `the competition rate of ${name}, ${formulaText(rate)}, is ${value} in step ${step + 1} of ${steps}; it must be in 0..1`,
    )
  }
}

const competitionsOf = ({ layers }: Recipe): readonly NamedCompetitionStep[] => layers.flatMap(competitionStepsOf)

const firstStep = ({ competition }: NamedCompetitionStep, steps: number): number => Math.floor(competition.after * steps)

/** The uniform draw of a competition for each step; competitions that draw together share it. */
function drawsOf({ seed, steps }: Recipe, all: readonly NamedCompetitionStep[]): Draw {
  const draws = new Map(
    all.map((one) => {
      const { name, at, competition } = one
      if (competition.together !== true) return [name, stream(seed, 'competition', name).uniform] as const
      const { uniform } = stream(seed, 'competition', `all layers #${at + 1}`)
      return [name, (n: number) => uniform(n + firstStep(one, steps))] as const
    }),
  )
  return (name, n) => draws.get(name)!(n)
}

const MAX_STEPS = 2 ** 24

/** The schedule of a run, drawn from its seed. Throws a FitError if it has too many steps, or a rate is not a probability. */
export function drawSchedule(recipe: Recipe): CompetitionSchedule {
  const { steps } = recipe
  const all = competitionsOf(recipe)
  if (all.length > 0 && steps > MAX_STEPS)
    throw new FitError(null, `${steps} steps are too many for drawing competitions; the maximum is ${MAX_STEPS}`)
  const layers = all.map((one): CompetingLayer => {
    const {
      name,
      at,
      competition: { rate, atMost },
    } = one
    return { layer: name, rate: rateOf(name, rate, steps), first: firstStep(one, steps), atMost, place: at }
  })
  return schedule(layers, steps, drawsOf(recipe, all))
}

/** The schedule of a run that is extended after step `done`: draws of earlier steps are kept. */
export function extendSchedule(before: CompetitionSchedule, recipe: Recipe, done: number): CompetitionSchedule {
  return Object.fromEntries(
    Object.entries(drawSchedule(recipe)).map(([layer, steps]) => [
      layer,
      [...(before[layer] ?? []).filter((step) => step < done), ...steps.filter((step) => step >= done)],
    ]),
  )
}

/** (step) -> the competitions that run in it, in layer order. */
export function competingLayers(schedule: CompetitionSchedule): (step: number) => readonly string[] {
  const layers = new Map<number, string[]>()
  for (const [layer, steps] of Object.entries(schedule))
    for (const step of steps) layers.set(step, [...(layers.get(step) ?? []), layer])
  return (step) => layers.get(step) ?? []
}
