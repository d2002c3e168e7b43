/** The texts of a spec before and after its routes change. */
import { existsSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { Source } from '../../grammar/source.ts'
import { parse } from '../../grammar/parse.ts'
import { METRICS } from '../../training/files/names.ts'
import { importFrom } from '../import/from.ts'
import { refuseErrors } from '../diagnostics.ts'
import { EXIT, Failure } from '../exit.ts'
import { readSource } from '../load.ts'
import type { Terminal } from '../terminal.ts'
import { moved, reroute, type Blend } from './rewrite.ts'

/** The user's spec, or what is imported from the checkpoint. Throws a Failure for text that does not parse. */
export async function originalSpec(directory: string, spec: string | undefined, terminal: Terminal): Promise<Source> {
  if (spec === undefined) {
    if (existsSync(terminal.path(join(directory, METRICS))))
      throw new Failure(EXIT.usage, `'${directory}' is a run of smoe train`, 'give its spec with --spec')
    const { name, spec: text, notes } = await importFrom(directory, {}, terminal)
    for (const note of notes) terminal.err(`note: ${note}\n`)
    return { path: `${name}.smoe`, text }
  }
  const source = readSource(spec, terminal)
  refuseErrors(parse(source).diagnostics, terminal)
  return source
}

export interface Texts {
  /** What is written: with alpha = 0 a spec that was routed by its router alone stays as it is. */
  readonly written: Source
  /** Whether the text that is written holds directions. */
  readonly holds: boolean
  /** What holds the directions, whatever alpha is. */
  readonly blended: Source
}

/** Alpha of the text that only serves to make the directions. */
const SOME = 0.5

function rewritten(source: Source, blend: Blend): ReturnType<typeof reroute> & { readonly kind: 'spec' } {
  const made = reroute(source, blend)
  if (made.kind === 'refused') throw new Failure(EXIT.usage, `${source.path}: ${made.message}`)
  return made
}

/** Throws a Failure where the routes of the spec cannot be changed. */
export function reroutedTexts(source: Source, blend: Blend): Texts {
  const made = rewritten(source, blend)
  const blended = blend.alpha === 0 ? rewritten(source, { ...blend, alpha: SOME }) : made
  const keeps = blend.alpha === 0 && made.wasPlain
  return { written: keeps ? source : { ...source, text: made.text }, holds: !keeps, blended: { ...source, text: blended.text } }
}

/** The text for a file elsewhere: what it imports from beside itself is found from there. */
export function textFor(source: Source, target: string, terminal: Terminal): string {
  const [from, to] = [dirname(terminal.path(source.path)), dirname(terminal.path(target))]
  return moved(source, (path) => {
    const there = relative(to, join(from, path)).replaceAll('\\', '/')
    return there.startsWith('.') ? there : `./${there}`
  })
}
