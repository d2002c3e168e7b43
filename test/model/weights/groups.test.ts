/** Groups of entries in a table of weights. */
import { expect, test } from 'vitest'
import { weightPorts } from '../../../cli/run/reference.ts'
import { parse } from '../../../grammar/parse.ts'
import { print } from '../../../grammar/print.ts'
import { checkSource, framed } from '../../support/check.ts'
import { graphOf } from '../../support/graph.ts'

const specOf = (...entries: readonly string[]): { readonly path: string; readonly text: string } => ({
  path: 'm.smoe',
  text: `import { layer_norm } from "std/blocks/norm"

model m(D: int = 4) {
  input x: f32[B, D]
  var h = x
  repeat layers[i] in 0..2 {
    param shift: f32[D]
    h = layer_norm(h + shift) as norm
  }
  output y = h

  weights {
${entries.map((entry) => `    ${entry}\n`).join('')}  }
}
`,
})

/** Weight -> tensor. */
const sourcesOf = (...entries: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(weightPorts(graphOf(specOf(...entries))).map(({ name, pieces }) => [name, pieces[0].tensor]))

const WHOLE = {
  'layers.0.shift': 'model.0.moved',
  'layers.0.norm.weight': 'model.0.ln.scale',
  'layers.0.norm.bias': 'model.0.ln.shift',
  'layers.1.shift': 'model.1.moved',
  'layers.1.norm.weight': 'model.1.ln.scale',
  'layers.1.norm.bias': 'model.1.ln.shift',
}

test.each([
  ['a group', ['layers.{i} = "model.{i}" {', '  shift = "moved"', '  norm.{weight, bias} = "ln.{scale,shift}"', '}']],
  [
    'a group in a group',
    ['layers.{i} = "model.{i}" {', '  norm = "ln" {', '    {weight, bias} = "{scale,shift}"', '  }', '  shift = "moved"', '}'],
  ],
  ['whole names', ['layers.{i}.shift = "model.{i}.moved"', 'layers.{i}.norm.{weight, bias} = "model.{i}.ln.{scale,shift}"']],
])('%s', (_, entries) => {
  expect(sourcesOf(...entries)).toEqual(WHOLE)
  const { text } = specOf(...entries)
  expect(print(parse({ path: 'm.smoe', text }).file)).toBe(text)
})

test.each([
  [['layers.{i} = "model.{i}" {', '  shifts = "moved"', '}'], 'no weight has the path layers.{i}.shifts'],
  [['layers.{i} = "model" {', '  shift = "moved"', '}'], 'index {i} of the path is not in the name of the tensor'],
  [['layers.{i} = "model.{i}" {', '  shift = "moved"', '}', 'layers.{i}.shift = "{i}"'], 'layers.{i}.shift already has a source'],
  [['layers.{i} = "model.{j}" {', '  shift = "moved"', '}'], '{j} is not an index of the path'],
  [[`layers.{i} = "${'m'.repeat(1001)}.{i}" {`, '  shift = "moved"', '}'], 'a group begins with at most 1000 characters'],
  [[`layers.{i} = "${'m'.repeat(700)}.{i}" {`, `  norm = "${'m'.repeat(300)}" {`, '  bias = "b"', '  }', '}'], 'at most 1000'],
])('%j is refused', (entries, message) => {
  expect(framed(checkSource(specOf(...entries)).diagnostics)).toContain(message)
})
