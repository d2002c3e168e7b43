/** The text of the standard library: embedded in a bundle, read from disk where the sources run as they are. */
import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Put in by the bundler: module path -> text. */
declare const STD_FILES: Readonly<Record<string, string>> | undefined

function fromDisk(): Readonly<Record<string, string>> {
  const folder = fileURLToPath(new URL('../std', import.meta.url))
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll('\\', '/'))
  const modules = names.filter((name) => name.endsWith('.smoe')).sort()
  return Object.fromEntries(
    modules.map((name) => [`std/${name.replace(/\.smoe$/, '')}`, readFileSync(`${folder}/${name}`, 'utf8')]),
  )
}

/** Module path -> text: `std/policies/top_k`. */
export const std: Readonly<Record<string, string>> = typeof STD_FILES === 'undefined' ? fromDisk() : STD_FILES
