/** From the config.json of a checkpoint to a spec. Pure: the caller reads and writes the files. */
import { quoted } from '../../runtime/checkpoint/quote.ts'
import { fieldsOf, isRecord, type Fields } from './fields.ts'
import { checkOthers } from './known-fields.ts'
import { importLlama } from './llama.ts'
import { importMixtral } from './mixtral.ts'
import { importOlmoe } from './olmoe.ts'

export type Imported =
  | {
      readonly kind: 'spec'
      readonly name: string
      readonly spec: string
      /** Notes for the user, one sentence each. */
      readonly notes: readonly string[]
    }
  /** What stands in the way; several reasons stand on lines of their own. */
  | { readonly kind: 'unsupported'; readonly message: string }

/** `model_type` of a config -> what writes its spec. The text is only good where no field was refused. */
const architectures: Readonly<Record<string, (fields: Fields) => string>> = {
  llama: importLlama,
  mixtral: importMixtral,
  olmoe: importOlmoe,
}

const unsupported = (message: string): Imported => ({ kind: 'unsupported', message })

const listed = (reasons: readonly string[]): string =>
  reasons.length === 1 ? reasons[0] : `${reasons.length} reasons against it\n${reasons.map((reason) => `  ${reason}`).join('\n')}`

/** The architectures that can be imported, as they are called in `model_type`. */
export const supportedModelTypes: readonly string[] = Object.keys(architectures)

export function importModel(config: unknown): Imported {
  if (!isRecord(config)) return unsupported('config.json must hold one JSON object')
  const type = config.model_type
  const known = `supported are ${supportedModelTypes.join(', ')}`
  if (typeof type !== 'string') return unsupported(`'model_type' is missing: it names the architecture (${known})`)
  if (!Object.hasOwn(architectures, type)) return unsupported(`the architecture ${quoted(type)} is not supported (${known})`)
  const fields = fieldsOf(config)
  const spec = architectures[type](fields)
  checkOthers(fields)
  const reasons = [...new Set(fields.problems)]
  return reasons.length > 0 ? unsupported(listed(reasons)) : { kind: 'spec', name: type, spec, notes: [...new Set(fields.notes)] }
}
