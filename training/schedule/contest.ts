/**
 * In which steps which layers compete (`when training at rate after share, at_most layers a step`), drawn before the first step. Each layer
 * draws for each step after its warm-up; where as many layers as may compete in a step already do, its turn moves to the nearest step
 * before that has room, else to the nearest after, else it is dropped. Nguyen et al., 2025, arXiv:2505.13380; without a limit nothing moves.
 */
import type { Recipe } from '../../plan/recipe.ts'
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

/** The nearest step with room in which the layer does not compete yet: before `step`, else after it; null where there is none. */
function nearest(step: number, first: number, steps: number, hasRoom: (step: number) => boolean): number | null {
  for (let at = step - 1; at >= first; at--) if (hasRoom(at)) return at
  for (let at = step + 1; at < steps; at++) if (hasRoom(at)) return at
  return null
}

/** `counts` are the limited layers that compete in each step: those of `chosen` are added. */
function place({ layer, rate, first, atMost }: Contestant, steps: number, draw: Draw, counts: Uint32Array): Uint8Array {
  const chosen = new Uint8Array(steps)
  for (let step = first; step < steps; step++) {
    if (draw(layer, step - first) >= rate) continue
    const isOpen = (at: number): boolean => atMost === null || counts[at] < atMost
    const at = isOpen(step) ? step : nearest(step, first, steps, (other) => isOpen(other) && chosen[other] === 0)
    // a turn that an earlier step moved here is the same one
    if (at === null || chosen[at] === 1) continue
    chosen[at] = 1
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

/** The schedule of a run, drawn from its seed. */
export function drawSchedule(recipe: Recipe): ContestSchedule {
  const streams = new Map(recipe.layers.map(({ layer }) => [layer, stream(recipe.seed, 'contest', layer)]))
  return schedule(contestantsOf(recipe), recipe.steps, (layer, n) => streams.get(layer)!.uniform(n))
}

/** (step) -> the layers that compete in it, in the order of the run. */
export function chosenLayers(schedule: ContestSchedule): (step: number) => readonly string[] {
  const layers = new Map<number, string[]>()
  for (const [layer, steps] of Object.entries(schedule)) for (const step of steps) layers.set(step, [...(layers.get(step) ?? []), layer])
  return (step) => layers.get(step) ?? []
}
