import { expect, test } from 'vitest'
import { parse } from '../../grammar/parse.ts'
import { tensorsOf } from '../../grammar/weight-groups.ts'

test('the tensors of groups have whole names', () => {
  const text = `model m(D: int = 4) {
  input x: f32[B, D]
  output y = x
  weights {
    embed = "wte.weight"
    layers.{i} = "model.{i}" {
      norm.{weight, bias} = "ln.{scale,shift}"
      mlp = "mlp" {
        gate = "gate.weight"
      }
    }
  }
}
`
  const [{ body }] = parse({ path: 'm.smoe', text }).file.declarations
  const entries = body.flatMap((one) => (one.kind === 'weights' ? one.entries : []))
  expect(tensorsOf(entries)).toEqual(['wte.weight', 'model.{i}.ln.scale', 'model.{i}.ln.shift', 'model.{i}.mlp.gate.weight'])
})
