/** `--without-expert LAYER:E`: experts that no token may select in this run. */
import { Option } from 'commander'
import { routedLayersOf, type LowerOptions } from '../../compiler/lower/lower.ts'
import type { Source } from '../../grammar/source.ts'
import { checkSource, type SpecOptions } from '../checking.ts'
import { hasErrors } from '../diagnostics.ts'
import { EXIT, Failure } from '../exit.ts'
import type { Terminal } from '../terminal.ts'

export interface MaskOption {
  readonly withoutExpert?: readonly MaskedExpert[]
}

/** As it was typed. */
export interface MaskedExpert {
  /** The name of a routed layer, or the number that stands in it. */
  readonly layer: string
  readonly expert: number
}

function maskedExpert(text: string): MaskedExpert {
  const [, layer, expert] = /^(.+):(\d{1,6})$/.exec(text) ?? []
  if (layer !== undefined) return { layer, expert: Number(expert) }
  throw new Failure(
    EXIT.usage,
    `'${text}' is not an expert of a layer`,
    'write LAYER:E, such as 0:3 or layers.0/moe:3; experts are counted from 0',
  )
}

export const withoutExpertOption = (): Option =>
  new Option('--without-expert <layer:expert>', 'an expert that no token may select; more than once for several').argParser(
    (text: string, earlier: readonly MaskedExpert[] = []) => [...earlier, maskedExpert(text)],
  )

/** The routed layer that is meant. Throws a Failure where none is, or more than one. */
function layerOf(typed: string, names: readonly string[]): string {
  if (names.includes(typed)) return typed
  const meant = /^\d+$/.test(typed) ? names.filter((name) => name.split(/[./]/).includes(typed)) : []
  if (meant.length === 1) return meant[0]
  const what = meant.length === 0 ? `there is no routed layer ${typed}` : `${typed} may be ${meant.join(' or ')}`
  throw new Failure(EXIT.usage, what, `the routed layers are ${names.join(', ') || 'none'}`)
}

/**
 * The experts as an option of the compiler; none where nothing is masked, or where the spec has mistakes, which its compilation
 * tells. Throws a Failure for a layer that the model does not have.
 */
export function maskedExperts(
  source: Source,
  spec: SpecOptions,
  { withoutExpert = [] }: MaskOption,
  terminal: Terminal,
): Pick<LowerOptions, 'maskedExperts'> {
  if (withoutExpert.length === 0) return {}
  const { model, diagnostics } = checkSource(source, spec, terminal)
  if (model === null || hasErrors(diagnostics)) return {}
  const names = routedLayersOf(model)
  const found = new Map<string, Set<number>>()
  for (const { layer, expert } of withoutExpert) {
    const name = layerOf(layer, names)
    found.set(name, (found.get(name) ?? new Set<number>()).add(expert))
  }
  return { maskedExperts: Object.fromEntries([...found].map(([name, experts]) => [name, [...experts]])) }
}
