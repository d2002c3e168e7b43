/** The standard library: right, in canonical form, and every declaration says what it is. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { check } from '../../compiler/model/check.ts'
import { parse } from '../../grammar/parse.ts'
import { print } from '../../grammar/print.ts'
import { load, root } from '../support/sources.ts'

const names = readdirSync(join(root, 'std'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.smoe'))
  .sort()

test.each(names)('std/%s', (name) => {
  const source = { path: `std/${name}`, text: readFileSync(join(root, 'std', name), 'utf8') }
  const { file, diagnostics } = parse(source)
  expect([...diagnostics, ...check(file, { load }).diagnostics].map(({ message }) => message)).toEqual([])
  expect(print(file)).toBe(source.text)
  expect(file.declarations.filter(({ doc }) => doc.length === 0).map(({ name: { text } }) => text)).toEqual([])
})
