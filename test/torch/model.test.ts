/** Modules as they are written: the text of a few, names, and what is refused. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { lower, trainingVariants } from '../../compiler/lower/lower.ts'
import { weightPorts } from '../../cli/run/reference.ts'
import { TorchRefusal } from '../../compiler/torch/refusal.ts'
import { torchModule } from '../../compiler/torch/model.ts'
import { textOf } from '../std/layer.ts'
import { layers } from '../std/policies.ts'
import { read, root } from '../support/sources.ts'
import { modelOf, torchText } from './text.ts'

const EXAMPLES = ['01-first-routed-layer', '11-train-a-small-model']

test.each(EXAMPLES)('the text of %s', async (name) => {
  const { path, text } = read(join(root, `examples/${name}.smoe`))
  await expect(torchText(text, path)).toMatchFileSnapshot(`written/${name}.py`)
})

test('every form of every policy is written, with the weights of its graphs', () => {
  for (const layer of layers) {
    const model = modelOf(textOf(layer))
    const { weights } = torchModule(model)
    const ports = [lower(model), ...trainingVariants(model)].flatMap(weightPorts).map(({ name }) => name)
    expect([...weights].sort(), layer.route).toEqual([...new Set(ports)].sort())
  }
})

describe('names', () => {
  const text = torchText(`
block train(x: f32[B, D], lambda: f32[D]) -> f32[B, D] {
  param half: f32[D]
  let torch = x * half
  return torch + lambda
}
model odd(D: int = 4) {
  input step: f32[B, D]
  param type: f32[D]
  output class: f32[B, D] = train(step, type)
}`)

  test('of weights that torch uses are escaped, and known by their paths', () => {
    expect(text).toContain('self.half_ = nn.Parameter(torch.empty(4))')
    expect(text).toContain('self.train_ = Train()')
    expect(text).toContain('RENAMED = {"train_.half_": "train.half", "type_": "type"}')
  })

  test('that Python keeps for itself are escaped', () => {
    expect(text).toContain('def forward(self, x, lambda_):')
    expect(text).toContain('torch_ = x * self.half_')
    expect(text).toContain('def forward(self, step_, step=None):')
    expect(text).toContain('return {"class": class_}')
  })
})

describe('one class', () => {
  const spec = (condition: string): string => `
block scale(x: f32[B, D], half: bool) -> f32[B, D] {
  param gain: f32[D]
  return if half then x * gain * 0.5 else x * gain
}
model deep(D: int = 4) {
  input x: f32[B, D]
  var h = x
  repeat layers[i] in 0..4 {
    h = h + scale(h, half = ${condition})
  }
  output y: f32[B, D] = h
}`

  test('stands for all turns of a loop that are alike', () => {
    const text = torchText(spec('true'))
    expect(text).toContain('self.layers = nn.ModuleList(Layer() for _ in range(4))')
    expect(text).toContain('for layer in self.layers:\n            h = layer(h)')
    expect([...text.matchAll(/^class (\w+)/gm)].map(([, name]) => name)).toEqual(['Step', 'Scale', 'Layer', 'Model'])
  })

  test('stands for those with one condition, and another for the others', () => {
    const text = torchText(spec('i == 3'))
    expect(text).toContain('self.layers = nn.ModuleList([Layer(), Layer(), Layer(), Layer2()])')
    expect(text).toContain('h = self.layers[3](h)')
  })
})

test('each turn of a loop without weights is written', () => {
  const text = torchText(`
fn powers(x: f32[B, D]) -> f32[B, D] {
  var y = x
  repeat turns[i] in 1..4 {
    y = y * x + 1.0 * i
  }
  return y
}
model unrolled(D: int = 4) {
  input x: f32[B, D]
  output y: f32[B, D] = powers(x)
}`)
  expect(text).toContain('    y = x * x + 1.0\n    y = y * x + 2.0\n    y = y * x + 3.0\n    return y\n')
})

test('a name is taken again only where nothing reads the value that had it', () => {
  const text = torchText(`
model twice(D: int = 4) {
  input x: f32[B, D]
  var h = x * 2.0
  let first = h
  h = h * h
  h = h + first
  output y: f32[B, D] = h * h
}`)
  expect(text).toContain('h_2 = h * h')
  expect(text).toContain('h_2 + h')
})

test('a draw in an expert is refused at its place: rows are in another order there', () => {
  const spec = readFileSync(join(root, 'examples/01-first-routed-layer.smoe'), 'utf8')
    .replace('import { swiglu } from "std/experts/swiglu"', '')
    .replace(
      '/// The smallest',
      'expert swiglu(x: f32[T, D], F: int) -> f32[T, D] {\n  param up: f32[D, D]\n  return dropout(x @ up.T, 0.5)\n}\n/// The smallest',
    )
  const refused = (): unknown => torchModule(modelOf(spec))
  expect(refused).toThrow(TorchRefusal)
  expect(refused).toThrow(/dropout in an expert draws by the row/)
})
