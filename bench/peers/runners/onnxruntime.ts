/** ONNX Runtime on the processor. */
import { encodeModel } from '../onnx/model.ts'
import { moeGraph } from '../onnx/moe-graph.ts'
import { loadPeer } from './load-peer.ts'
import type { OpenRunner } from './runner.ts'

interface Tensor {
  readonly data: unknown
}

interface OnnxSession {
  readonly run: (feeds: Readonly<Record<string, Tensor>>) => Promise<Readonly<Record<string, Tensor>>>
  readonly release: () => Promise<void>
}

interface OnnxRuntime {
  readonly InferenceSession: {
    readonly create: (model: Uint8Array, options: Readonly<Record<string, unknown>>) => Promise<OnnxSession>
  }
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => Tensor
}

export const openOnnxRuntime =
  (threads: number): OpenRunner =>
  async ({ size, weights }) => {
    const { module: ort, version } = loadPeer<OnnxRuntime>('onnxruntime-node')
    const session = await ort.InferenceSession.create(encodeModel(moeGraph(size, weights)), {
      executionProviders: ['cpu'],
      graphOptimizationLevel: 'all',
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
    })
    return {
      version,
      detail: `CPU, ${threads} threads, experts gather their rows in the graph`,
      run: async (x) => {
        const { y } = await session.run({ x: new ort.Tensor('float32', x, [x.length / size.width, size.width]) })
        return y.data as Float32Array
      },
      close: () => session.release(),
    }
  }
