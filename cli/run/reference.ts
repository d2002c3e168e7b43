/** Runs a graph in f64 on the host, with the weights a checkpoint has: the yardstick for devices. */
import { EvaluationError, hostTensor, type HostTensor } from '../../compiler/reference/tensor.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import type { Graph, Node } from '../../compiler/graph/node.ts'
import { nodesOf } from '../../compiler/graph/walk.ts'
import { weightStorage } from '../../compiler/graph/weight-storage.ts'
import type { DType } from '../../compiler/graph/vocabulary.ts'
import { splitLoadTimeConstants } from '../../compiler/passes/load-time-constants.ts'
import type { WeightPort } from '../../plan/plan.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import type { FileData } from '../../runtime/checkpoint/encode.ts'
import { WeightError } from '../../runtime/errors.ts'
import { elementCount, type HostArray, type HostData } from '../../runtime/tensors.ts'
import { readElements, stored } from '../../runtime/weights/convert.ts'
import { matchWeights, type Match } from '../../runtime/weights/match.ts'
import { stridedCopies } from '../../runtime/weights/view.ts'
import { EXIT, Failure } from '../exit.ts'

const portOf = (node: Node<'weight'> & { readonly op: 'weight' }): WeightPort => {
  const {
    params: { name, shape, source, doc },
    dtype,
  } = node
  return {
    name,
    dtype: dtype === 'bool' ? 'u32' : dtype,
    ...weightStorage(node),
    shape: shape.map((size) => size.key),
    buffer: -1,
    pieces: source.pieces,
    stacked: source.stacked,
    doc,
  }
}

/** The weights of a graph as in a plan, without memory offsets. */
export const weightPorts = (graph: Graph): readonly WeightPort[] =>
  nodesOf(graph).flatMap((node) => (node.op === 'weight' ? [portOf(node)] : []))

async function fill(values: Float64Array, { port, tensor, view, start }: Match, checkpoint: Checkpoint): Promise<void> {
  const keep = (value: number): number => (port.storage === undefined ? value : stored(value, port.storage.format))
  const elements = await readElements(checkpoint, tensor, 0, elementCount(tensor.shape))
  for (const { from, stride: step, count, to, toStride: toStep } of stridedCopies(view, { span: Infinity, staged: Infinity })) {
    for (let at = 0; at < count; at++) values[start + to + at * toStep] = keep(Number(elements[from + at * step]))
  }
}

/** Weights by their paths, in f64. Throws a WeightError with all that does not fit. */
export async function readPorts(
  ports: readonly WeightPort[],
  checkpoint: Checkpoint,
): Promise<Readonly<Record<string, Float64Array>>> {
  const { matches, problems } = matchWeights({ weights: ports }, checkpoint)
  if (problems.length > 0) throw new WeightError(checkpoint.name, problems)
  const weights = Object.fromEntries(ports.map(({ name, shape }) => [name, new Float64Array(elementCount(shape.map(Number)))]))
  for (const match of matches) await fill(weights[match.port.name], match, checkpoint)
  return weights
}

/** Every weight of a graph. Throws a WeightError with all that does not fit. */
export async function readWeights(graph: Graph, checkpoint: Checkpoint): Promise<Readonly<Record<string, HostTensor>>> {
  const ports = weightPorts(graph)
  const values = await readPorts(ports, checkpoint)
  return Object.fromEntries(ports.map(({ name, shape }) => [name, hostTensor(shape.map(Number), 'f32', values[name])]))
}

const ROUND: { readonly [T in DType]: (values: Float64Array) => HostArray } = {
  f32: (values) => Float32Array.from(values),
  i32: (values) => Int32Array.from(values),
  bool: (values) => Uint32Array.from(values),
}

const toHost = ({ shape, dtype, values }: HostTensor): HostData => ({ shape, data: ROUND[dtype](values) })

const toReals = ({ shape, data }: HostData): HostTensor => hostTensor(shape, 'f32', Float64Array.from(data))

type Weights = Readonly<Record<string, HostTensor>>
type Given = Readonly<Record<string, FileData>>

/** Each number rounded once to what a device would hold. */
export const roundAll = (outputs: Readonly<Record<string, HostTensor>>): Readonly<Record<string, HostData>> =>
  Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, toHost(tensor)]))

/** What depends on weights alone, by name; empty where nothing does. */
export function referenceHeld(graph: Graph, weights: Weights): Readonly<Record<string, HostData>> {
  const { once } = splitLoadTimeConstants(graph)
  return once === null ? {} : runReference(once, {}, weights)
}

/** As `evaluateReference`, with held values in the place of what they are made of. */
export const evaluateReferenceHeld = (
  graph: Graph,
  inputs: Given,
  weights: Weights,
  held: Readonly<Record<string, HostData>>,
): Readonly<Record<string, HostTensor>> =>
  evaluateReference(splitLoadTimeConstants(graph).main, inputs, {
    ...weights,
    ...Object.fromEntries(Object.entries(held).map(([name, data]) => [name, toReals(data)])),
  })

/** Evaluates in f64. Throws a Failure where the inputs do not fit. */
export function evaluateReference(graph: Graph, inputs: Given, weights: Weights): Readonly<Record<string, HostTensor>> {
  const feeds = Object.fromEntries(
    graph.inputs.map(({ params: { name, dtype } }) => {
      const { shape, data } = inputs[name]
      return [name, hostTensor(shape, dtype, Float64Array.from(data))]
    }),
  )
  try {
    return evaluate(graph, { inputs: feeds, weights })
  } catch (problem) {
    if (problem instanceof EvaluationError) throw new Failure(EXIT.usage, problem.message)
    throw problem
  }
}

/** As `evaluateReference`; what comes out is rounded. */
export const runReference = (graph: Graph, inputs: Given, weights: Weights): Readonly<Record<string, HostData>> =>
  roundAll(evaluateReference(graph, inputs, weights))
