/** How Sentence Transformers pools a model: `modules.json`, and the `config.json` of its pooling module. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Pooling } from '../../analysis/embed/pool.ts'
import { readRegularSync } from '../../runtime/files/index.ts'
import { isRecord } from '../../text/tokenizer/fields.ts'
import { EXIT, Failure } from '../exit.ts'
import type { Terminal } from '../terminal.ts'

export interface EmbedSettings {
  readonly pooling: Pooling
  /** Whether vectors have length 1. */
  readonly normalises: boolean
}

const MOST_BYTES = 2 ** 24
const MODES: Readonly<Record<string, Pooling>> = {
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_cls_token: 'cls',
  pooling_mode_lasttoken: 'last',
  pooling_mode_max_tokens: 'max',
}

function jsonOf(path: string, terminal: Terminal): unknown {
  if (!existsSync(terminal.path(path))) return null
  try {
    return JSON.parse(new TextDecoder().decode(readRegularSync(terminal.path(path), MOST_BYTES))) as unknown
  } catch {
    throw new Failure(EXIT.badCheckpoint, `'${path}' is not JSON`)
  }
}

function poolingIn(path: string, terminal: Terminal): Pooling {
  const config = jsonOf(path, terminal)
  const fields = isRecord(config) ? config : {}
  const wanted = Object.keys(fields).filter((name) => name.startsWith('pooling_mode_') && fields[name] === true)
  const [mode] = wanted
  if (wanted.length === 1 && Object.hasOwn(MODES, mode)) return MODES[mode]
  const what = wanted.length === 0 ? 'no mode' : wanted.join(', ')
  throw new Failure(EXIT.badCheckpoint, `'${path}' pools by ${what}: one of ${Object.keys(MODES).join(', ')} is supported`)
}

/** Modules by the last word of their type. */
const KINDS = ['Transformer', 'Pooling', 'Normalize']

/** Null where the folder has no modules. Throws a Failure for a module that is not known. */
export function settingsIn(folder: string, terminal: Terminal): EmbedSettings | null {
  const path = join(folder, 'modules.json')
  const modules = jsonOf(path, terminal)
  if (modules === null) return null
  if (!Array.isArray(modules)) throw new Failure(EXIT.badCheckpoint, `'${path}' is not a list of modules`)
  const found = modules.map((one: unknown) => {
    const type = isRecord(one) ? String(one.type) : ''
    const kind = type.split('.').at(-1)!
    if (!KINDS.includes(kind)) throw new Failure(EXIT.badCheckpoint, `'${path}' has the module '${type}', which is not supported`)
    return { kind, path: String((one as Readonly<Record<string, unknown>>).path) }
  })
  const pooling = found.find(({ kind }) => kind === 'Pooling')
  if (pooling === undefined) return null
  return {
    pooling: poolingIn(join(folder, pooling.path, 'config.json'), terminal),
    normalises: found.some(({ kind }) => kind === 'Normalize'),
  }
}
