/** What was exported, for people and for programs. */
import { listed } from '../../runtime/checkpoint/quote.ts'
import { shown } from '../import/fields.ts'
import { bytes, plural } from '../output.ts'
import type { ConfigChange } from './config.ts'
import { bytesByType, type HubFolder } from './export.ts'

export interface ExportReport {
  readonly type: string
  readonly from: string
  readonly to: string
  readonly folder: HubFolder
  readonly notes: readonly string[]
}

export const reportJson = ({ type, from, to, folder, notes }: ExportReport): unknown => ({
  model_type: type,
  from,
  to,
  files: folder.files.map(({ name, bytes: size }) => ({ name, bytes: size })),
  tensors: folder.tensors.length,
  bytes: Object.fromEntries(bytesByType(folder.tensors)),
  verbatim: folder.isVerbatim,
  config: folder.changes.map(({ path, from: old, value }) => ({ field: path.join('.'), from: old ?? null, to: value ?? null })),
  copied: folder.beside,
  left_out: folder.leftOut,
  notes,
})

/** `num_experts 8 -> 6`, `quantization_config removed` */
const changeText = ({ path, from, value }: ConfigChange): string => {
  const field = path.join('.')
  if (value === undefined) return `${field} removed`
  return from === undefined ? `${field} ${shown(value)} added` : `${field} ${shown(from)} -> ${shown(value)}`
}

const configText = ({ changes }: HubFolder): string =>
  changes.length === 0 ? 'config: as it was' : `config: ${changes.map(changeText).join(', ')}`

/** `instead` is said in the place of how the config changed. */
export function reportText({ type, folder }: ExportReport, instead: string | null = null): string {
  const types = bytesByType(folder.tensors).map(([dtype, size]) => `${bytes(size)} of ${dtype}`)
  const how = folder.isVerbatim ? 'as they were' : 'written anew'
  const lines = [
    `${type}: ${plural(folder.tensors.length, 'tensor')} ${how}, ${types.join(', ')}`,
    instead ?? configText(folder),
    folder.beside.length === 0 ? 'no other files' : `also: ${listed(folder.beside, 12)}`,
    ...(folder.leftOut.length === 0 ? [] : [`left out, as no weight reads them: ${listed(folder.leftOut, 8)}`]),
  ]
  return lines.map((line) => `${line}\n`).join('')
}
