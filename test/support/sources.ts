/** Finds the files a spec imports: `std/...` in this repository, other paths beside the file that asks. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Source } from '../../grammar/source.ts'

export const root = fileURLToPath(new URL('../../', import.meta.url))

export function load(path: string, from: Source): Source | null {
  const isOfStd = path.startsWith('std/')
  const name = `${isOfStd ? path : join(dirname(from.path), path)}.smoe`
  const file = resolve(root, name)
  return existsSync(file) ? { path: name, text: readFileSync(file, 'utf8') } : null
}

/** A file, called as it is found from the root of the repository. */
export const read = (path: string): Source => ({ path: relative(root, path), text: readFileSync(path, 'utf8') })
