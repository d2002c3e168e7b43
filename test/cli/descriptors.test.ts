/** Commands that fail leave no file open: a program that calls them many times goes on. */
import { existsSync, readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { encodeSafetensors } from '../../runtime/checkpoint/encode.ts'
import { place } from './harness.ts'

const SPEC = `model m(D: int = 2) {
  input x: f32[T, D]
  param w: f32[D, D]
  output y: f32[T, D] = x @ w
}
`
const HOLDS = `import { spectral } from "std/policies/spectral"
import { swiglu } from "std/experts/swiglu"

model m(D: int = 4, E: int = 3) {
  input x: f32[T, D]
  output y: f32[T, D] = moe(x) {
    experts E of swiglu(F = 4)
    route spectral(k = 1, c = 2)
  }
}
`
const TRAIN = SPEC.replace(
  /\}\n$/,
  '  train {\n    input z: f32[T, D]\n    loss mean((y - z) ** 2)\n    optimiser sgd(lr = 0.1)\n  }\n}\n',
)

const tensor = (...shape: number[]) => ({ shape, data: new Float32Array(shape.reduce((all, size) => all * size, 1)) })

const files = {
  'm.smoe': SPEC,
  'holds.smoe': HOLDS,
  'train.smoe': TRAIN,
  'x.safetensors': encodeSafetensors({ x: tensor(3, 2) }),
  'x4.safetensors': encodeSafetensors({ x: tensor(3, 4) }),
  'other.safetensors': encodeSafetensors({ v: tensor(2, 2) }),
  'broken.safetensors': encodeSafetensors({ w: tensor(2, 2) }).subarray(0, 50),
  'model/config.json': '{"model_type":"llama"}',
  'model/model.safetensors': encodeSafetensors({ w: tensor(2, 2) }),
}

const x = ['--in', 'x=x.safetensors', '--device', 'reference'] as const

const commands: Readonly<Record<string, readonly string[]>> = {
  'weights that are cut short': ['run', 'm.smoe', ...x, '--weights', 'broken.safetensors'],
  'weights of another model': ['run', 'm.smoe', ...x, '--weights', 'other.safetensors'],
  'an input that is cut short': [
    'run',
    'm.smoe',
    '--in',
    'x=broken.safetensors',
    '--device',
    'reference',
    '--weights',
    'other.safetensors',
  ],
  'an input that is not there': [
    'run',
    'm.smoe',
    '--in',
    'x=other.safetensors:y',
    '--device',
    'reference',
    '--weights',
    'other.safetensors',
  ],
  'held values beside weights that are cut short': [
    'run',
    'holds.smoe',
    '--in',
    'x=x4.safetensors',
    '--device',
    'reference',
    '--held',
    'other.safetensors',
    '--weights',
    'broken.safetensors',
  ],
  'held values of another model': [
    'run',
    'holds.smoe',
    '--in',
    'x=x4.safetensors',
    '--device',
    'reference',
    '--held',
    'other.safetensors',
    '--weights',
    'other.safetensors',
  ],
  'data that is cut short': ['train', 'train.smoe', '--device', 'reference', '--data', 'broken.safetensors'],
  'data of another model': ['train', 'train.smoe', '--device', 'reference', '--data', 'other.safetensors'],
  'a config that is refused': ['import', 'model'],
  'a rerouted checkpoint that is refused': ['reroute', 'model', '--spec', 'holds.smoe', '--device', 'reference'],
}

test.skipIf(!existsSync('/proc/self/fd')).each(Object.entries(commands))('%s', async (_, command) => {
  const there = place(files)
  const open = (): number => readdirSync('/proc/self/fd').length
  expect((await there.smoe(...command)).code).not.toBe(70)
  const before = open()
  for (let time = 0; time < 10; time++) {
    const { code, err } = await there.smoe(...command)
    expect(code, err).toBeGreaterThan(0)
    expect(code, err).toBeLessThan(6)
  }
  expect(open()).toBeLessThanOrEqual(before + 1)
})
