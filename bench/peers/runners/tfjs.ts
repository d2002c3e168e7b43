/** TensorFlow.js, on WebAssembly or on a WebGPU adapter. */
import type { Problem } from '../problem.ts'
import { transposed } from '../transposed.ts'
import { expertOf, runByExpert } from './by-expert.ts'
import { loadPeer } from './load-peer.ts'
import type { OpenRunner, Runner } from './runner.ts'
import { provideWebGpu, type SoftwareAdapter } from './webgpu.ts'

interface Tensor {
  readonly data: () => Promise<Float32Array>
  readonly dispose: () => void
}

interface TensorFlow {
  readonly setBackend: (name: string) => Promise<boolean>
  readonly tensor: (data: Float32Array, shape: readonly number[]) => Tensor
  readonly matMul: (a: Tensor, b: Tensor) => Tensor
  readonly mul: (a: Tensor, b: Tensor) => Tensor
  readonly sigmoid: (x: Tensor) => Tensor
  readonly tidy: (compute: () => Tensor) => Tensor
}

interface ExpertTensors {
  readonly gate: Tensor
  readonly up: Tensor
  readonly down: Tensor
}

/** A matrix [rows, columns] as the right operand of a product. */
const operand = (tf: TensorFlow, data: Float32Array, rows: number, columns: number): Tensor =>
  tf.tensor(transposed(data, rows, columns), [columns, rows])

const expertTensors = (tf: TensorFlow, { size: { experts, width, hidden }, weights }: Problem): readonly ExpertTensors[] =>
  Array.from({ length: experts }, (_, e) => ({
    gate: operand(tf, expertOf(weights.gate, e, experts), hidden, width),
    up: operand(tf, expertOf(weights.up, e, experts), hidden, width),
    down: operand(tf, expertOf(weights.down, e, experts), width, hidden),
  }))

/** The values of a result on the host; all tensors of the computation are disposed. */
async function dataOf(tf: TensorFlow, compute: () => Tensor): Promise<Float32Array> {
  const result = tf.tidy(compute)
  const data = await result.data()
  result.dispose()
  return data
}

async function openOn(backend: 'wasm' | 'webgpu', detail: string, problem: Problem): Promise<Runner> {
  const { module: tf, version } = loadPeer<TensorFlow>('@tensorflow/tfjs-core')
  loadPeer(`@tensorflow/tfjs-backend-${backend}`)
  if (!(await tf.setBackend(backend))) throw new Error(`TensorFlow.js cannot use ${backend}`)
  const { size, weights } = problem
  const router = operand(tf, weights.router, size.experts, size.width)
  const experts = expertTensors(tf, problem)
  return {
    version,
    detail: `${detail}, rows are listed on the host`,
    run: (x) =>
      runByExpert(x, size, {
        route: (all, tokens) => dataOf(tf, () => tf.matMul(tf.tensor(all, [tokens, size.width]), router)),
        expert: (at, rows, count) =>
          dataOf(tf, () => {
            const { gate, up, down } = experts[at]
            const input = tf.tensor(rows, [count, size.width])
            const g = tf.matMul(input, gate)
            return tf.matMul(tf.mul(tf.mul(g, tf.sigmoid(g)), tf.matMul(input, up)), down)
          }),
      }),
    close: async () => {},
  }
}

export const openTfjs: OpenRunner = (problem) => openOn('wasm', 'wasm with SIMD, 1 thread (more are for browsers)', problem)

export const openTfjsOnWebGpu =
  (adapter: SoftwareAdapter): OpenRunner =>
  async (problem) => {
    await provideWebGpu(adapter)
    return openOn('webgpu', `webgpu on ${adapter}`, problem)
  }
