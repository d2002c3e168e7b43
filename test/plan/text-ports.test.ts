import { expect, test } from 'vitest'
import type { InputPort, OutputPort, Plan } from '../../plan/plan.ts'
import { NEW_TOKENS, PAST_TOKENS } from '../../plan/state-inputs.ts'
import { continuedPorts, sequenceShape, textPorts } from '../../plan/text-ports.ts'

const input = (shape: readonly string[], more: Partial<InputPort> = {}): InputPort => ({
  name: 'tokens',
  dtype: 'i32',
  shape,
  buffer: 0,
  doc: '',
  below: '11',
  ...more,
})
const output = (name: string, shape: readonly string[], more: Partial<OutputPort> = {}): OutputPort => ({
  name,
  dtype: 'f32',
  shape,
  buffer: 1,
  doc: '',
  ...more,
})
type Ports = Pick<Plan, 'model' | 'inputs' | 'outputs' | 'state'>
const model = (inputs: readonly InputPort[], outputs: readonly OutputPort[], more: Partial<Ports> = {}): Ports => ({
  model: 'm',
  inputs,
  outputs,
  ...more,
})

const state = { sequences: 1, longest: 9, rewinds: true }
const lengths = [PAST_TOKENS, NEW_TOKENS].map((name) => input(['1'], { name, below: undefined }))

test('tokens and their logits are found by their shapes, among other outputs', () => {
  const routes = output('a', ['B', 'S', '11'], { role: { kind: 'routing', layer: 'l', part: 'weights' } })
  const found = textPorts(model([input(['B', 'S'])], [output('hidden', ['B', 'S', '8']), routes, output('y', ['B', 'S', '11'])]))
  expect(found).toMatchObject({ kind: 'found', ports: { tokens: { name: 'tokens' }, logits: { name: 'y' }, vocabulary: 11 } })
})

test('a plan with a state gives the logits of the last token', () => {
  const rows = (count: string, more: Partial<Ports> = {}) =>
    continuedPorts(model([input(['1', 'S']), ...lengths], [output('y', ['1', count, '11'])], more)).kind
  expect([rows('1', { state }), rows('S', { state }), rows('S'), rows('1')]).toEqual(['found', 'refused', 'found', 'refused'])
})

test.each([
  [[], 'm does not take text: it has no input'],
  [[input(['S']), input(['S'], { name: 'more' })], 'm does not take text: it has 2 inputs: tokens, more'],
  [[input(['S'], { below: undefined })], 'm does not take text: its input tokens: i32[S] is not of token ids'],
  [[input(['B', 'S', '2'])], 'm does not take text: its input tokens: i32[B, S, 2] is not of token ids'],
  [[input(['4', 'S'])], 'm does not take text: its input tokens takes 4 sequences at a time'],
  [[input(['S'])], 'm is not a language model: no output is f32[S, 11]'],
])('inputs %# are refused', (inputs, why) => {
  expect(textPorts(model(inputs, [output('y', ['S', '12'])]))).toMatchObject({ kind: 'refused', why })
})

test('two outputs of logits are refused', () => {
  const found = textPorts(model([input(['S'])], [output('y', ['S', '11']), output('z', ['S', '11'])]))
  expect(found).toMatchObject({ why: 'm is not a language model: more than one output is f32[S, 11]' })
})

test('the shape of a sequence has the axes of the input', () => {
  expect(sequenceShape({ tokens: input(['S']) }, 5)).toEqual([5])
  expect(sequenceShape({ tokens: input(['B', 'S']) }, 5)).toEqual([1, 5])
})
