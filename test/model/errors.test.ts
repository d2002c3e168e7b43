/** Specs with mistakes: each file says, at the end of a line, what is told of it: `//! CODE words of the message`. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { check } from '../../compiler/model/check.ts'
import { parse } from '../../grammar/parse.ts'
import { positionAt } from '../../grammar/source.ts'
import { load, root } from '../support/sources.ts'

const folder = join(root, 'test/model/errors')

interface Told {
  readonly line: number
  readonly code: string
  readonly message: string
}

const expected = (text: string): readonly Told[] =>
  text.split('\n').flatMap((line, i) => {
    const [, code, message] = /\/\/! (SMOE\d+) ?(.*)$/.exec(line) ?? []
    return code === undefined ? [] : [{ line: i + 1, code, message }]
  })

function told(path: string, text: string): readonly Told[] {
  const source = { path, text }
  const { file, diagnostics } = parse(source)
  return [...diagnostics, ...check(file, { load }).diagnostics]
    .map(({ code, message, span }) => ({ line: positionAt(span.source, span.start).line, code, message }))
    .sort((a, b) => a.line - b.line)
}

test.each(readdirSync(folder).sort())('%s', (name) => {
  const text = readFileSync(join(folder, name), 'utf8')
  const [wanted, found] = [expected(text), told(`test/model/errors/${name}`, text)]
  const shown = found.map((one, i) => ({
    ...one,
    message: one.message.includes(wanted[i]?.message ?? '\0') ? wanted[i].message : one.message,
  }))
  expect(shown).toEqual(wanted)
})
