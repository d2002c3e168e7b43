/** The files that the checks of style read: sources, specs and documents that people write. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

export interface SourceFile {
  /** From the root, with slashes. */
  readonly path: string
  readonly text: string
}

const TOPS = [
  'grammar',
  'plan',
  'compiler',
  'runtime',
  'training',
  'text',
  'analysis',
  'cli',
  'std',
  'examples',
  'scripts',
  'bench',
  'docs',
  'test',
] as const
const WRITTEN = /\.(ts|mjs|js|sh|md|smoe)$/

/** Written by programs, or compared byte for byte. */
const NOT_READ: readonly RegExp[] = [/\/fixtures\//, /^docs\/ops\.md$/, /^examples\/programs\//, /(^|\/)node_modules\//]

/** Every file below a root that the checks read, in the order of their names. */
export function writtenFiles(root: string): readonly SourceFile[] {
  const below = (top: string): readonly string[] =>
    readdirSync(join(root, top), { recursive: true, encoding: 'utf8' }).map((name) => `${top}/${name.replaceAll('\\', '/')}`)
  const here = readdirSync(root)
  const paths = [...here, ...TOPS.filter((top) => here.includes(top)).flatMap(below)]
  return paths
    .filter((path) => WRITTEN.test(path) && !NOT_READ.some((pattern) => pattern.test(path)))
    .toSorted()
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
}

/** Lines inside of fenced blocks of a document, fences included: what a command printed, or a listing. */
export function fencedLines(lines: readonly string[]): ReadonlySet<number> {
  const fenced = new Set<number>()
  let isOpen = false
  for (const [at, line] of lines.entries()) {
    const isFence = /^\s*```/.test(line)
    if (isFence || isOpen) fenced.add(at)
    if (isFence) isOpen = !isOpen
  }
  return fenced
}
