/** The tokens that end a text: `eos_token_id` of `generation_config.json`, or of `config.json`. */
import { existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readRegularSync } from '../../runtime/files/index.ts'
import { EXIT, Failure } from '../exit.ts'
import type { Terminal } from '../terminal.ts'

const FILES = ['generation_config.json', 'config.json']
const MOST_BYTES = 2 ** 24

const isId = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

function fieldOf(path: string, terminal: Terminal): unknown {
  const bytes = readRegularSync(terminal.path(path), MOST_BYTES)
  try {
    const config: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return typeof config === 'object' && config !== null ? (config as Readonly<Record<string, unknown>>).eos_token_id : undefined
  } catch {
    throw new Failure(EXIT.badCheckpoint, `'${path}' is not JSON`)
  }
}

/** None where no file beside the weights says so. Throws a Failure for what is not token ids. */
export function endTokens(weights: string | undefined, terminal: Terminal): ReadonlySet<number> {
  if (weights === undefined) return new Set()
  const isFolder = statSync(terminal.path(weights), { throwIfNoEntry: false })?.isDirectory() === true
  const folder = isFolder ? weights : dirname(weights)
  for (const path of FILES.map((name) => join(folder, name)).filter((file) => existsSync(terminal.path(file)))) {
    const value = fieldOf(path, terminal)
    if (value == null) continue
    const ids: readonly unknown[] = Array.isArray(value) ? value : [value]
    if (!ids.every(isId))
      throw new Failure(EXIT.badCheckpoint, `'eos_token_id' of '${path}' is ${JSON.stringify(value)}, not token ids`)
    return new Set(ids as readonly number[])
  }
  return new Set()
}
