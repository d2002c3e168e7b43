import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from '../../grammar/parse.ts'
import { print } from '../../grammar/print.ts'
import { checkSource, framed } from '../support/check.ts'
import { root } from '../support/sources.ts'
import { fencesOf, inside, sectionOf, whole, withSection } from './fences.ts'
import { sections } from './tables.ts'

const path = join(root, 'docs/language.md')
const page = readFileSync(path, 'utf8')
const fences = fencesOf(page)
const named = fences.map((fence) => ({ ...fence, name: `line ${fence.line}` }))

describe('every example', () => {
  test.each(named.filter((fence) => fence.error === null))('$name compiles', (fence) => {
    expect(framed(checkSource({ path: 'docs/language.md', text: whole(fence) }).diagnostics)).toBe('')
  })

  test.each(named.filter((fence) => fence.error !== null))('$name brings about $error and nothing else', (fence) => {
    const { diagnostics } = checkSource({ path: 'docs/language.md', text: whole(fence) })
    expect(
      diagnostics.map((diagnostic) => diagnostic.code),
      framed(diagnostics),
    ).toEqual([fence.error])
  })

  test.each(named)('$name is laid out as the formatter would', (fence) => {
    const printed = print(parse({ path: 'docs/language.md', text: whole(fence) }).file)
    expect(fence.isFragment ? inside(printed) : printed).toBe(fence.text)
  })
})

/** `UPDATE_DOCS=1 npx vitest run test/docs` writes the tables anew. */
describe('every table says what the compiler goes by', () => {
  test.each(Object.keys(sections))('%s', (name) => {
    const text = sections[name]()
    if (process.env.UPDATE_DOCS !== undefined) writeFileSync(path, withSection(readFileSync(path, 'utf8'), name, text))
    else expect(sectionOf(page, name)).toBe(text)
  })
})
