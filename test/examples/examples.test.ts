import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from '../../grammar/parse.ts'
import { print } from '../../grammar/print.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import type { DimValues } from '../../plan/dim.ts'
import { feedsOf } from '../support/random.ts'
import { read, root } from '../support/sources.ts'
import { checkSource, framed } from '../support/check.ts'
import { graphOf } from '../support/graph.ts'

const folder = join(root, 'examples')
const names = readdirSync(folder).filter((name) => name.endsWith('.smoe'))

describe.each(names)('%s', (name) => {
  const source = read(join(folder, name))

  test('has no mistakes', () => {
    expect(framed(checkSource(source).diagnostics)).toBe('')
  })

  test('is laid out as the formatter would', () => {
    expect(print(parse(source).file)).toBe(source.text)
  })

  test('begins with its idea', () => {
    expect(source.text).toMatch(/^\/\/ .+/)
  })

  const sizes: readonly DimValues[] = [{}, { B: 1, S: 1, T: 1 }]
  test.each(sizes)('computes finite numbers, sizes %j', (dims) => {
    const graph = graphOf(source)
    const outputs = evaluate(graph, feedsOf(graph, dims))
    expect(Object.keys(outputs)).toEqual(graph.outputs.map((output) => output.name))
    for (const { values } of Object.values(outputs)) {
      expect(values.length).toBeGreaterThan(0)
      expect(values.every(Number.isFinite)).toBe(true)
    }
  })
})

test('examples are numbered without a gap', () => {
  expect(names.map((name) => Number(name.slice(0, 2)))).toEqual(names.map((_, i) => i + 1))
})
