/** From the config.json of a checkpoint to a spec. Pure: the caller reads and writes the files. */
import { quoted } from '../../runtime/checkpoint/quote.ts'
import { explainFields, type FieldReport } from './explain.ts'
import { fieldsOf, isRecord, shown } from './fields.ts'
import { checkOthers, isHarmlessField } from './known-fields.ts'
import type { GgufSettings } from './gguf/settings.ts'
import type { Layout } from './names/source.ts'
import type { Row, Tie } from './row.ts'
import { nearestText } from './nearest.ts'
import { readQuantization, type Quantization } from './quantization.ts'
import { ROWS, rowOf, supportedModelTypes } from './table.ts'

export { supportedModelTypes } from './table.ts'

export type Imported =
  | {
      readonly kind: 'spec'
      readonly name: string
      readonly spec: string
      /** Notes for the user, one sentence each. */
      readonly notes: readonly string[]
      /** What each field of the config became. */
      readonly fields: readonly FieldReport[]
      /** The config that the spec is of. */
      readonly config: Readonly<Record<string, unknown>>
      /** How the checkpoint stores experts. */
      readonly layout: Layout
      /** Absent for a checkpoint in the layout of the hub. */
      readonly gguf?: GgufSettings
      /** null for a model without a head. */
      readonly tie: Tie | null
      /** How the files have quantised weights; null where they have none. */
      readonly quantized: Quantization | null
      /** Tensors beside the model that have no effect on its logits. */
      readonly ignorable: readonly RegExp[]
    }
  /** What stands in the way; several reasons stand on lines of their own. */
  | { readonly kind: 'unsupported'; readonly message: string }

export interface ImportSettings {
  /** How the checkpoint stores experts. */
  readonly layout?: Layout
  /** The row of the table to take, in the place of the one that `model_type` names. */
  readonly as?: string
  /** Names of the tensors of the checkpoint, where they are known: they tell what an unknown architecture is near to. */
  readonly tensors?: Iterable<string>
  /** Set for the config of a GGUF file. */
  readonly gguf?: GgufSettings
}

const unsupported = (message: string): Imported => ({ kind: 'unsupported', message })

/** One reason, or several on lines of their own. */
export const listedReasons = (reasons: readonly string[]): string =>
  // names of fields may hold lone surrogates, which no terminal shows
  (reasons.length === 1
    ? reasons[0]
    : `${reasons.length} reasons against it\n${reasons.map((reason) => `  ${reason}`).join('\n')}`
  ).replaceAll(/\p{Surrogate}/gu, '\uFFFD')

/** Fields of the group and of what is around it. Those of the group count, but for what says which model it is. */
function hoisted(config: Readonly<Record<string, unknown>>, inside: string | undefined): Readonly<Record<string, unknown>> {
  if (inside === undefined || !isRecord(config[inside])) return config
  const { [inside]: group, ...around } = config
  const { model_type: type, architectures } = around
  return { ...around, ...(group as object), model_type: type, architectures }
}

/** Fields with an effect that the group and what is around it have with two values. */
function disagreements(config: Readonly<Record<string, unknown>>, inside: string | undefined): readonly string[] {
  const group = inside === undefined ? null : config[inside]
  if (!isRecord(group)) return []
  return Object.keys(group).filter(
    (name) => !isHarmlessField(name) && Object.hasOwn(config, name) && shown(config[name]) !== shown(group[name]),
  )
}

function importAs(row: Row, given: Readonly<Record<string, unknown>>, { layout = 'hub', gguf }: ImportSettings): Imported {
  const { type, architecture, doc, defaults, aliases, unused = [], inside } = row
  const config = hoisted(given, inside)
  const fields = fieldsOf(config, { defaults, aliases })
  for (const name of disagreements(given, inside))
    fields.refuse(`'${name}' is ${shown(given[name])}, and another value in '${inside}'`)
  if (inside !== undefined && config === given) fields.refuse(`'${inside}' is missing: the fields of the text model`)
  fields.text('model_type', 'the row of the table')
  for (const name of unused) fields.skip(name, `nothing: ${architecture} does not read it`)
  const quantized = readQuantization(fields)
  const options = { layout, name: type, doc, architecture, gguf, ...(quantized === null ? {} : { quantized }) }
  const { text, tie } = row.spec(fields, options)
  const others = checkOthers(fields)
  const ignorable = row.ignorable?.(fields) ?? []
  const reasons = [...new Set(fields.problems)]
  if (reasons.length > 0) return unsupported(listedReasons(reasons))
  const report = explainFields(config, fields, others)
  const made = { spec: text, notes: [...new Set(fields.notes)], fields: report, tie, quantized, ignorable }
  return { kind: 'spec', name: type, config: given, layout, gguf, ...made }
}

export function importModel(config: unknown, settings: ImportSettings = {}): Imported {
  if (!isRecord(config)) return unsupported('config.json must hold one JSON object')
  const type = settings.as ?? config.model_type
  const known = `supported are ${supportedModelTypes.join(', ')}`
  if (typeof type !== 'string') return unsupported(`'model_type' is missing: it names the architecture (${known})`)
  const row = rowOf(type)
  if (row !== undefined)
    return importAs(row, settings.as === undefined ? config : { ...config, model_type: type, architectures: [] }, settings)
  const nearest = nearestText(ROWS, config, settings.tensors ?? null).map((line) => `  ${line}`)
  return unsupported([`the architecture ${quoted(type)} is not in the table (${known})`, ...nearest].join('\n'))
}
