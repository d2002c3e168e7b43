/** Finds the files a spec imports: `std/...` in this repository, other paths beside the file that asks. */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Load } from '../../compiler/model/modules/load.ts'
import type { Source } from '../../grammar/source.ts'

export const root = fileURLToPath(new URL('../../', import.meta.url))

const std = readdirSync(join(root, 'std'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.smoe'))
  .sort()

export const load: Load = Object.assign(find, {
  paths: () => std.map((name) => `std/${name.replaceAll('\\', '/').slice(0, -'.smoe'.length)}`),
})

function find(path: string, from: Source): Source | null {
  const isOfStd = path.startsWith('std/')
  const name = `${isOfStd ? path : join(dirname(from.path), path)}.smoe`
  const file = resolve(root, name)
  return existsSync(file) ? { path: name, text: readFileSync(file, 'utf8') } : null
}

/** A file, called as it is found from the root of the repository. */
export const read = (path: string): Source => ({ path: relative(root, path), text: readFileSync(path, 'utf8') })
