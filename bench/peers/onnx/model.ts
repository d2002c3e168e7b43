/** An ONNX model as data, and its bytes. Field numbers are those of onnx.proto3. */
import { bytes, encode, int, message, text, type Field } from './protobuf.ts'

export interface OnnxNode {
  readonly op: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Readonly<Record<string, number>>
}

export interface OnnxTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly data: Float32Array | BigInt64Array
}

/** A text is a dimension of any size. */
export interface OnnxPort {
  readonly name: string
  readonly shape: readonly (number | string)[]
}

export interface OnnxGraph {
  readonly name: string
  readonly inputs: readonly OnnxPort[]
  readonly outputs: readonly OnnxPort[]
  readonly constants: readonly OnnxTensor[]
  /** In an order in which they can run. */
  readonly nodes: readonly OnnxNode[]
}

const IR_VERSION = 8
const OPSET = 17
const FLOAT = 1
const INT64 = 7
const ATTRIBUTE_IS_INT = 2

const nodeFields = ({ op, inputs, outputs, attributes }: OnnxNode): readonly Field[] => [
  ...inputs.map((name) => text(1, name)),
  ...outputs.map((name) => text(2, name)),
  text(4, op),
  ...Object.entries(attributes).map(([name, value]) => message(5, [text(1, name), int(3, value), int(20, ATTRIBUTE_IS_INT)])),
]

const tensorFields = ({ name, shape, data }: OnnxTensor): readonly Field[] => [
  ...shape.map((size) => int(1, size)),
  int(2, data instanceof Float32Array ? FLOAT : INT64),
  text(8, name),
  bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
]

const dimFields = (size: number | string): readonly Field[] => [typeof size === 'number' ? int(1, size) : text(2, size)]

const portFields = ({ name, shape }: OnnxPort): readonly Field[] => [
  text(1, name),
  message(2, [
    message(1, [
      int(1, FLOAT),
      message(
        2,
        shape.map((size) => message(1, dimFields(size))),
      ),
    ]),
  ]),
]

const graphFields = ({ name, nodes, constants, inputs, outputs }: OnnxGraph): readonly Field[] => [
  ...nodes.map((node) => message(1, nodeFields(node))),
  text(2, name),
  ...constants.map((constant) => message(5, tensorFields(constant))),
  ...inputs.map((port) => message(11, portFields(port))),
  ...outputs.map((port) => message(12, portFields(port))),
]

/** The bytes of an .onnx file. Attributes are integers, ports are f32. */
export const encodeModel = (graph: OnnxGraph): Uint8Array =>
  encode([int(1, IR_VERSION), text(2, 'smoe'), message(7, graphFields(graph)), message(8, [text(1, ''), int(2, OPSET)])])
