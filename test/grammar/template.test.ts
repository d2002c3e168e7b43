import { expect, test } from 'vitest'
import { alternatives } from '../../grammar/template.ts'

test.each([
  ['model.layers.{i}.gate.weight', ['model.layers.{i}.gate.weight']],
  ['layers.{i}.{q,k}_proj.{weight, bias}', ['layers.{i}.q_proj.weight', 'layers.{i}.k_proj.bias']],
])('%s', (template, names) => {
  expect(alternatives(template)).toEqual(names)
})
