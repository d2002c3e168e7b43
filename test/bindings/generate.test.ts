import { beforeAll, expect, test } from 'vitest'
import { generateBindings } from '../../compiler/bindings/generate.ts'
import type { Plan, Port, WeightPort } from '../../plan/plan.ts'
import { typeErrors as typeErrorsOf } from './type-errors.ts'

const port = (name: string, dtype: Port['dtype'], shape: readonly string[], doc = ''): Port => ({
  name,
  dtype,
  shape,
  buffer: 0,
  doc,
})
const weight = (name: string): WeightPort => ({
  name,
  dtype: 'f32',
  shape: ['8', '4'],
  buffer: 0,
  pieces: [],
  stacked: false,
  doc: '',
})

const plan: Plan = {
  version: 1,
  target: 'webgpu',
  model: 'tiny_moe',
  doc: 'A tiny model. Not a comment end: */ it.',
  dims: [
    { name: 'B', doc: '' },
    { name: 'S', doc: 'tokens of a sequence' },
  ],
  inputs: [port('tokens', 'i32', ['B', 'S'], 'Ids of tokens.'), port('hidden state', 'f32', ['B', 'S', '32'])],
  outputs: [port('logits', 'f32', ['B', 'S', '64'])],
  weights: ['embed', 'layers.0.moe.gate', 'layers.1.moe.gate', 'odd.0.a.0', 'odd.1.a.1'].map(weight),
  constants: [],
  held: [],
  once: null,
  buffers: [],
  kernels: [],
  programs: [],
  requires: {
    features: [],
    maxStorageBuffersPerShaderStage: 8,
    maxComputeInvocationsPerWorkgroup: 1,
    maxComputeWorkgroupStorageSize: 0,
    maxStorageBufferBindingSize: 4,
    subgroupSize: null,
  },
}

/** Messages of the type checker for a program that uses the bindings. */
const typeErrors = (text: string): readonly string[] => typeErrorsOf({ 'tiny_moe.ts': generateBindings(plan), 'user.ts': text })

const given = `
import { TinyMoe, type TinyMoeInputs, type TinyMoeOutputs, type TinyMoeWeight } from './tiny_moe.ts'
declare const model: TinyMoe
const tokens = { shape: [2, 3], data: new Int32Array(6) } as const satisfies TinyMoeInputs['tokens']
const hidden = { shape: [2, 3, 32], data: new Float32Array(192) } as const satisfies TinyMoeInputs['hidden state']
const wantsOutput = (_: TinyMoeOutputs['logits']): void => {}
const weight = (_: TinyMoeWeight): void => {}
export const used = [model, tokens, hidden, wantsOutput, weight]
`

beforeAll(() => {
  typeErrors(given)
}, 120_000)

test('good use compiles', () => {
  const errors = typeErrors(`${given}
    const { logits } = await model.run({ tokens, 'hidden state': hidden })
    const values: Float32Array = logits.data
    const [b, s, v]: readonly [number, number, number] = logits.shape
    const dims: { readonly B: number; readonly S: number } = model.dims({ tokens: { shape: [1, 2], data: new Int32Array(2) }, 'hidden state': hidden })
    weight('embed'); weight('layers.1.moe.gate'); weight('odd.0.a.0')
    wantsOutput(logits)
    export const all = [values, b, s, v, dims, model.weightShape('embed')]`)
  expect(errors).toEqual([])
})

const wrong: readonly [string, string, RegExp][] = [
  [
    'the name of an input',
    "await model.run({ token: tokens, 'hidden state': hidden })",
    /'token' does not exist in type 'TinyMoeInputs'/,
  ],
  ['a missing input', 'await model.run({ tokens })', /Property ''hidden state'' is missing/],
  [
    'the class of the values',
    "await model.run({ tokens: { shape: [2, 3], data: new Float32Array(6) }, 'hidden state': hidden })",
    /'Float32Array<ArrayBuffer>' is not assignable to type 'Int32Array/,
  ],
  [
    'the rank',
    "await model.run({ tokens: { shape: [6], data: new Int32Array(6) }, 'hidden state': hidden })",
    /Source has 1 element\(s\) but target requires 2/,
  ],
  [
    'the names of the axes',
    "const { logits } = await model.run({ tokens, 'hidden state': hidden })\nawait model.run({ tokens, 'hidden state': logits })",
    /Type '64' is not assignable to type '32'/,
  ],
  [
    'the name of an output',
    "console.log((await model.run({ tokens, 'hidden state': hidden })).logit)",
    /Property 'logit' does not exist on type 'TinyMoeOutputs'/,
  ],
  [
    'the type of an output',
    "const ids: Int32Array = (await model.run({ tokens, 'hidden state': hidden })).logits.data\nexport { ids }",
    /'Float32Array<ArrayBufferLike>' is not assignable to type 'Int32Array/,
  ],
  [
    'the name of a dim',
    "console.log(model.dims({ tokens, 'hidden state': hidden }).T)",
    /Property 'T' does not exist on type 'TinyMoeDims'/,
  ],
  [
    'the name of a weight',
    "weight('layers.2.moe.gate')",
    /"layers.2.moe.gate"' is not assignable to parameter of type 'TinyMoeWeight'/,
  ],
  ['a weight of no layer', "weight('odd.0.a.1')", /"odd.0.a.1"' is not assignable/],
]

for (const [name, text, message] of wrong) {
  test(`does not compile with a wrong use of ${name}`, () => {
    const errors = typeErrors(`${given}\n${text}`)
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatch(message)
  })
}

test('says shapes, units and docs', () => {
  const text = generateBindings(plan)
  expect(text).toContain('`i32[B, S]`, 32-bit signed integers, row-major.\n   * Ids of tokens.')
  expect(text).toContain('/** tokens of a sequence */')
  expect(text).toContain('| `layers.${0 | 1}.moe.gate`')
  expect(text).toContain('A tiny model. Not a comment end: *\\/ it.')
  expect(text.match(/from '.*'/g)).toEqual(["from 'smoe/runtime'"])
})

test('the same plan gives the same text', () => {
  expect(generateBindings(plan)).toBe(generateBindings(plan))
})
