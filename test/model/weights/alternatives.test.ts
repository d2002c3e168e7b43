/** Lists of names in a table of weights. */
import { expect, test } from 'vitest'
import { weightPorts } from '../../../cli/run/reference.ts'
import { checkSource, framed } from '../../support/check.ts'
import { graphOf } from '../../support/graph.ts'

const textOf = (entry: string): { readonly path: string; readonly text: string } => ({
  path: 'm.smoe',
  text: `import { layer_norm } from "std/blocks/norm"

model m(D: int = 4) {
  input x: f32[B, D]
  output y = layer_norm(x) as norm
  weights {
    ${entry}
  }
}
`,
})

test('a weight of a list has the name at its place', () => {
  const ports = weightPorts(graphOf(textOf('norm.{weight, bias} = "{scale,shift}.value"')))
  expect(ports.map(({ name, pieces }) => [name, pieces[0].tensor])).toEqual([
    ['norm.weight', 'scale.value'],
    ['norm.bias', 'shift.value'],
  ])
})

test.each([
  ['norm.{weight, bias} = "norm.{a,b,c}"', 'their lengths are 2, 3'],
  ['norm.{weight, bias} = "norm"', 'lists of the path and of the name of the tensor must both be there'],
  ['norm.weight = "norm.{a,b}"', 'lists of the path and of the name of the tensor must both be there'],
  ['norm.{weight, wait} = "norm.{a,b}"', 'no weight has the path norm.wait'],
  ['norm.{weight, weight} = "norm.{a,b}"', 'norm.weight already has a source'],
  ['norm.{weight, bias} = "{i}.{a,b}"', '{i} is not an index of the path'],
])('%s is refused', (entry, message) => {
  expect(framed(checkSource(textOf(entry)).diagnostics)).toContain(message)
})
