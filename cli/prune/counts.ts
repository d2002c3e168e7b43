/** How many experts each layer keeps: one number for all, or numbers of their own from a file. */
import { parseJson } from '../../runtime/checkpoint/json.ts'
import { cut, listed, quoted } from '../../runtime/checkpoint/quote.ts'
import { EXIT, Failure } from '../exit.ts'
import { isRecord } from '../import/fields.ts'
import { readText } from '../load.ts'
import type { Terminal } from '../terminal.ts'
import { keptCount } from './choose.ts'
import type { ExpertLayer } from './layers.ts'

/** As typed. */
export interface Keep {
  /** `6` or `75%`; absent where a file says all. */
  readonly keep?: string
  /** Path of a layer, `layers.0.moe` -> `6` or `75%`. */
  readonly perLayer?: ReadonlyMap<string, string>
}

/** Reads `{"layers.0.moe": 6, "layers.1.moe": "75%"}`. Throws a Failure for anything else. */
export function readPerLayer(path: string, terminal: Terminal): ReadonlyMap<string, string> {
  const wrong = (what: string): Failure =>
    new Failure(EXIT.usage, `${path} ${what}`, 'write {"layers.0.moe": 6, "layers.1.moe": "75%"}')
  const text = readText(path, terminal)
  let found: unknown
  try {
    found = parseJson(text)
  } catch (problem) {
    throw wrong(`is not JSON: ${cut((problem as Error).message, 160)}`)
  }
  if (!isRecord(found)) throw wrong('has no numbers by layer')
  return new Map(
    Object.entries(found).map(([layer, count]) => {
      if (typeof count !== 'number' && typeof count !== 'string') throw wrong(`has no number for ${quoted(layer)}`)
      return [layer, String(count)]
    }),
  )
}

/**
 * A number for each layer. A layer that the file does not name keeps as many as `--keep` says, or all its experts where nothing
 * does. Throws a Failure for a layer that is not there, a number that does not go, and where no expert would be removed.
 */
export function keptCounts(layers: readonly ExpertLayer[], { keep, perLayer }: Keep): readonly number[] {
  const known = layers.map(({ path }) => path)
  const odd = [...(perLayer?.keys() ?? [])].find((layer) => !known.includes(layer))
  if (odd !== undefined)
    throw new Failure(EXIT.usage, `there is no routed layer ${quoted(odd)}`, `routed layers are ${listed(known, 6)}`)
  const counts = layers.map(({ path, experts }) => {
    const own = perLayer?.get(path)
    if (own !== undefined) return keptCount(own, experts, 'all')
    return keep === undefined ? experts : keptCount(keep, experts)
  })
  if (counts.every((count, at) => count === layers[at].experts))
    throw new Failure(EXIT.usage, 'every layer keeps all its experts: none would go')
  return counts
}
