/** The routed layers of a model, by the weights of their experts. */
import type { WeightPort } from '../../plan/plan.ts'
import type { Lowered } from '../export/refusal.ts'
import { EXIT, Failure } from '../exit.ts'

export interface ExpertLayer {
  /** `layers.0.moe` */
  readonly path: string
  readonly experts: number
  /** Groups of neighbouring experts, of which a token uses some; 1 where there are none. */
  readonly groups: number
  /** The weights of the experts, an entry each. */
  readonly own: readonly WeightPort[]
}

export interface PrunedLayer {
  /** `layers.0.moe` */
  readonly path: string
  /** Ascending. */
  readonly kept: readonly number[]
  readonly removed: readonly number[]
  /** [E] */
  readonly scores: Float64Array
}

const OWN = /^(.*)\.experts\.[^.]+$/

/** What the policy of every layer says of groups; a row of the table has one policy for all. */
function groupsOf({ model }: Lowered): number {
  const groups = model.moes.flatMap(({ policy }) =>
    policy.parameters.filter(({ name }) => name === 'groups').map(({ value }) => value),
  )
  return typeof groups[0] === 'number' ? groups[0] : 1
}

/** In the order of the model. */
export function routedLayers(model: Lowered): readonly ExpertLayer[] {
  const found = new Map<string, WeightPort[]>()
  for (const port of model.ports) {
    const path = OWN.exec(port.name)?.[1]
    if (path !== undefined) found.set(path, [...(found.get(path) ?? []), port])
  }
  const groups = groupsOf(model)
  const layers = [...found].map(([path, own]) => ({ path, experts: Number(own[0].shape[0]), groups, own }))
  const order = (path: string): number => Number(/\d+/.exec(path)?.[0] ?? 0)
  return layers.sort((a, b) => order(a.path) - order(b.path))
}

/** As `routedLayers`. Throws a Failure where there is none, or where layers have their own numbers of experts. */
export function expertLayers(model: Lowered): readonly ExpertLayer[] {
  const layers = routedLayers(model)
  const sizes = [...new Set(layers.map(({ experts }) => experts))]
  if (sizes.length === 0) throw new Failure(EXIT.usage, 'the model has no routed layers')
  if (sizes.length > 1)
    throw new Failure(EXIT.usage, `layers have ${sizes.join(' and ')} experts, and a config has one number for all`)
  return layers
}
