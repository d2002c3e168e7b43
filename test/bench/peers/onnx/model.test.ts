import { expect, test } from 'vitest'
import { encodeModel } from '../../../../bench/peers/onnx/model.ts'
import { moeGraph } from '../../../../bench/peers/onnx/moe-graph.ts'
import { bytes, encode, int, message, text } from '../../../../bench/peers/onnx/protobuf.ts'

const SIZE = { experts: 3, k: 2, width: 4, hidden: 5 }
const filled = (length: number): Float32Array => Float32Array.from({ length }, (_, at) => at)
const WEIGHTS = { router: filled(12), gate: filled(60), up: filled(60), down: filled(60) }

// the examples of https://protobuf.dev/programming-guides/encoding
test('messages have the bytes that the encoding of protocol buffers gives', () => {
  expect([...encode([int(1, 150)])]).toEqual([0x08, 0x96, 0x01])
  expect([...encode([text(2, 'testing')])]).toEqual([0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67])
  expect([...encode([message(3, [int(1, 150)])])]).toEqual([0x1a, 0x03, 0x08, 0x96, 0x01])
  expect([...encode([int(1, -1)])]).toEqual([0x08, ...Array.from({ length: 9 }, () => 0xff), 0x01])
  expect([...encode([bytes(16, Uint8Array.of(7))])]).toEqual([0x82, 0x01, 0x01, 0x07])
})

test('each value of the graph of a layer is made once, before it is read', () => {
  const { nodes, constants, inputs, outputs } = moeGraph(SIZE, WEIGHTS)
  const made = new Set([...inputs, ...constants].map(({ name }) => name))
  for (const { op, inputs: read, outputs: written } of nodes) {
    expect(
      read.filter((name) => !made.has(name)),
      op,
    ).toEqual([])
    expect(
      written.filter((name) => made.has(name)),
      op,
    ).toEqual([])
    for (const name of written) made.add(name)
  }
  expect(outputs.every(({ name }) => made.has(name))).toBe(true)
  expect(nodes.filter(({ op }) => op === 'MatMul')).toHaveLength(1 + 3 * SIZE.experts)
})

test('weights are the right operands of products, expert by expert', () => {
  const { constants } = moeGraph(SIZE, WEIGHTS)
  const second = constants.find(({ name }) => name === 'down.1')!
  expect(second.shape).toEqual([5, 4])
  expect([...second.data].slice(0, 5)).toEqual([20, 25, 30, 35, 21])
  for (const { name, shape, data } of constants) expect(data, name).toHaveLength(shape.reduce((all, size) => all * size, 1))
})

test('a model begins with its version, and has the bytes of its weights', () => {
  const model = encodeModel(moeGraph(SIZE, WEIGHTS))
  expect([...model.subarray(0, 8)]).toEqual([0x08, 8, 0x12, 4, ...new TextEncoder().encode('smoe')])
  const router = Buffer.from(moeGraph(SIZE, WEIGHTS).constants[0].data.buffer)
  expect(Buffer.from(model).includes(router)).toBe(true)
})
