/** The trained router of a layer and the one that its experts' singular vectors make, W_EV: what is blended. */
import type { Plan } from '../../plan/plan.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import type { RoutedLayer } from '../../runtime/routing/record.ts'
import type { HostData } from '../../runtime/tensors.ts'
import { readPorts } from '../run/reference.ts'
import { blend, logits, softmax, type Scored } from './score.ts'

export interface RouterPair {
  /** The name of W_EV among the held values. */
  readonly held: string
  /** [E, D] */
  readonly gate: Float64Array
  /** [E]; null where the router has none. */
  readonly bias: Float64Array | null
  /** W_EV, [E, D]. */
  readonly directions: Float64Array
}

/** [T, E] each. */
export interface Probabilities {
  /** Of the old router. */
  readonly logits: Float64Array
  /** softmax(x W_EV). */
  readonly own: Float64Array
  /** V, by which the new router chooses. */
  readonly blended: Float64Array
}

type Layer = Pick<RoutedLayer, 'name' | 'experts'>

/** The held W_EV [E, D] of a layer. Throws where there is none: a rerouted model holds one a layer. */
function heldOf(held: Readonly<Record<string, HostData>>, { name: layer, experts }: Layer): string {
  const path = `${layer.replaceAll('/', '.')}.`
  const name = Object.keys(held).find((key) => key.startsWith(path) && key.endsWith('.ev') && held[key].shape[0] === experts)
  if (name === undefined) throw new Error(`${layer} holds no directions; held are ${Object.keys(held).join(', ')}`)
  return name
}

/** In the order of the layers. `plan` is the rerouted model's: it names the gates. Throws a WeightError. */
export async function readRouterPairs(
  plan: Plan,
  layers: readonly Layer[],
  held: Readonly<Record<string, HostData>>,
  checkpoint: Checkpoint,
): Promise<readonly RouterPair[]> {
  const pairs: RouterPair[] = []
  for (const layer of layers) {
    const name = heldOf(held, layer)
    const [gate, bias] = ['gate', 'gate_bias'].map((weight) => `${name.slice(0, -'ev'.length)}${weight}`)
    const values = await readPorts(
      plan.weights.filter((port) => port.name === gate || port.name === bias),
      checkpoint,
    )
    pairs.push({ held: name, gate: values[gate], bias: values[bias] ?? null, directions: Float64Array.from(held[name].data) })
  }
  return pairs
}

/** Both routers on the rows that a layer was given. */
export function probabilities({ gate, bias, directions }: RouterPair, scored: Scored, alpha: number): Probabilities {
  const { experts } = scored
  const old = logits(scored, gate, bias)
  const own = softmax(logits(scored, directions), experts)
  return { logits: old, own, blended: blend(own, softmax(old, experts), alpha) }
}
