/** The field's words are found where a reader of papers and of other compilers would look for them. */
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from '../support/sources.ts'

/** Word -> a folder or a file that must have it, in a source or its README. */
const WORDS: readonly (readonly [word: RegExp, place: string])[] = [
  [/\bfusion\b/i, 'compiler/kernel/fusion'],
  [/\bmaterializ/i, 'compiler/kernel/fusion'],
  [/\bcost[ -]model\b/i, 'compiler/kernel/fusion'],
  [/\bGEMMs?\b/, 'compiler/kernel'],
  [/\bepilogue\b/i, 'compiler/kernel/ir'],
  [/\bepilogue\b/i, 'compiler/wgsl/templates'],
  [/\bK tail\b/, 'compiler/wgsl'],
  [/\bdecode\b/, 'compiler/kernel'],
  [/\bprefill\b/, 'compiler/kernel'],
  [/\bin[ -]place\b/i, 'compiler/kernel/aliasing'],
  [/\ball-reduce\b/, 'compiler/scalar'],
  [/\bliveness\b/i, 'compiler/emit'],
  [/\bCSE\b/, 'compiler/passes'],
  [/\bDCE\b/, 'compiler/passes'],
  [/\bconstant[ -]folding\b/i, 'compiler/passes'],
  [/\brematerialization\b/, 'compiler/passes'],
  [/\bgrouped_matmul\b/, 'compiler/graph'],
  [/\bbackward\b/i, 'compiler/autodiff'],
  [/\bautocast\b/, 'compiler/autodiff'],
  [/\boptimizer state\b/i, 'plan'],
  [/\bweight decay\b/i, 'plan'],
]

function sourcesIn(place: string): string {
  const path = join(root, place)
  if (!statSync(path).isDirectory()) return readFileSync(path, 'utf8')
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|md)$/.test(name))
    .map((name) => readFileSync(join(path, name), 'utf8'))
    .join('\n')
}

test.each(WORDS)('%s in %s', (word, place) => expect(word.test(sourcesIn(place))).toBe(true))
