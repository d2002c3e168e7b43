/** The layers of the vectors, with what they are to be differentiated by. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../support/sources.ts'
import { cases } from '../cases.ts'
import type { Layer } from '../layers.ts'

/** The layer that computes a file. */
export function layerOf(file: string): Layer {
  const found = cases.find(({ files }) => files.includes(file))
  if (found === undefined) throw new Error(`no layer computes ${file}`)
  return found.layer
}

/** The layer output weighted by a cotangent, which is part of the file. */
export function withTask(layer: Layer): Layer {
  const { axes = 'B, S', output = 'answers', before = [], after = [] } = layer
  const sums = axes.split(',').reduce((sum) => `sum(${sum})`, `sum((${output}) * cotangent)`)
  return { ...layer, before: [`input cotangent: f32[${axes}, D]`, ...before], after: [...after, `loss task = ${sums}`] }
}

/** The policy of the library that the layer imports, with losses behind its last statement, for each of so many sequences. */
export function withLosses(layer: Layer, policy: string, losses: readonly string[], sequences = 'B'): Layer {
  const imports = ['{ load_balance, negative_entropy, z_cost } from "std/losses/balance"']
  const text = readFileSync(join(root, `std/policies/${policy}.smoe`), 'utf8')
  const declaration = text
    .replace(/(policy \w+\()/, '$1\n  sequences: int in 1..,')
    .replace(/\}\n$/, `${losses.map((loss) => `  loss ${loss}\n`).join('')}}\n`)
  return {
    ...layer,
    route: layer.route.replace(/\)$/, `, sequences = ${sequences})`),
    imports: [...(layer.imports ?? []).filter((one) => !one.includes(`std/policies/${policy}"`)), ...imports],
    declarations: `${layer.declarations ?? ''}\n${declaration}`,
  }
}
