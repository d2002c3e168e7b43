/** Why a config of an architecture cannot say what a spec does. */
import type { Graph } from '../../compiler/graph/node.ts'
import type { Model } from '../../compiler/model/model.ts'
import type { WeightPort } from '../../plan/plan.ts'
import { listed } from '../../runtime/checkpoint/quote.ts'
import { showShape } from '../../runtime/tensors.ts'
import type { FieldReport } from '../import/explain.ts'
import { fieldOf } from './config.ts'
import { difference } from './difference.ts'

/** A model with what it is lowered to. */
export interface Lowered {
  readonly model: Model
  readonly graph: Graph
  readonly ports: readonly WeightPort[]
}

/** The architecture of a config, and what its fields became. */
export interface Said {
  readonly type: string
  readonly fields: readonly FieldReport[]
}

type Refuse = (given: Lowered, said: Lowered, config: Said) => string | null

const pathText = (path: readonly string[]): string => path.join('.')

/** Every layer is routed by one policy in a row of the table, whose name no field holds. */
const policies: Refuse = ({ model: given }, { model: said }, { type }) => {
  for (const [at, { policy, path }] of given.moes.entries()) {
    const other = said.moes.at(at)
    if (other !== undefined && other.policy.name !== policy.name)
      return `${pathText(path)} routes by ${policy.name}: no field of a config names the policy, and '${type}' with these fields always routes by ${other.policy.name}`
  }
  return null
}

const EXPERTS = /^(.*)\.experts\.[^.]+$/

/** Layer -> its number of experts, by the weights of the experts. */
const countsOf = ({ ports }: Lowered): ReadonlyMap<string, number> =>
  new Map(
    ports.flatMap(({ name, shape }) => (EXPERTS.test(name) ? [[name.replace(EXPERTS, '$1'), Number(shape[0])] as const] : [])),
  )

/** A count of its own for a layer. */
const counts: Refuse = (given, _, { fields }) => {
  const found = countsOf(given)
  const sizes = new Set(found.values())
  if (sizes.size <= 1) return null
  const layers = [...sizes].map((size) => {
    const [layer] = [...found].find(([, count]) => count === size)!
    return `${layer} has ${size}`
  })
  const field = fieldOf('E', fields)
  const one = field === null ? 'no field holds a number of experts for each layer' : `'${field}' is one number for all layers`
  return `layers have their own numbers of experts (${listed(layers, 4)}): ${one}`
}

/** Weights of one of them alone. */
const names: Refuse = ({ ports: given }, { ports: said }, { type }) => {
  const without = (list: readonly WeightPort[], others: readonly WeightPort[]): readonly string[] => {
    const known = new Set(others.map(({ name }) => name))
    return list.map(({ name }) => name).filter((name) => !known.has(name))
  }
  const [more, fewer] = [without(given, said), without(said, given)]
  if (more.length > 0) return `the spec has weights that a '${type}' with these fields has not: ${listed(more, 4)}`
  if (fewer.length > 0) return `a '${type}' with these fields has weights that the spec has not: ${listed(fewer, 4)}`
  return null
}

const shapes: Refuse = ({ ports: given }, { ports: said }) => {
  const others = new Map(said.map((port) => [port.name, port.shape]))
  const odd = given.find(({ name, shape }) => others.get(name)?.join() !== shape.join())
  if (odd === undefined) return null
  return `${odd.name} is f32${showShape(odd.shape)}, and the fields of the config make it f32${showShape(others.get(odd.name)!)}`
}

const computation: Refuse = ({ graph: given }, { graph: said }, { type }) => {
  const found = difference(given, said)
  if (found === null) return null
  const [one, other] = [found.one?.op ?? 'nothing more', found.other?.op ?? 'nothing more']
  const place = found.one?.origin.instance ?? ''
  return `the spec computes ${one}${place === '' ? '' : ` in ${place}`} where a '${type}' with these fields computes ${other}: no field of the config says so`
}

/** In the order in which they explain most. */
const REASONS: readonly Refuse[] = [counts, policies, names, shapes, computation]

/** The first reason against it; null where the config says all that the spec does. */
export function refusalOf(given: Lowered, said: Lowered, config: Said): string | null {
  for (const reason of REASONS) {
    const text = reason(given, said, config)
    if (text !== null) return text
  }
  return null
}
