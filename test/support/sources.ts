/** Finds the files a spec imports: `std/...` in this repository, other paths beside the file that asks. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Source } from '../../grammar/source.ts'

export const root = fileURLToPath(new URL('../../', import.meta.url))

export function load(path: string, from: Source): Source | null {
  const name = path.endsWith('.smoe') ? path : `${path}.smoe`
  const file = path.startsWith('std/') ? join(root, name) : join(dirname(from.path), name)
  return existsSync(file) ? { path: path.startsWith('std/') ? name : file, text: readFileSync(file, 'utf8') } : null
}

export const read = (path: string): Source => ({ path, text: readFileSync(path, 'utf8') })
