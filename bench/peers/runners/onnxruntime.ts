/** ONNX Runtime, on the processor or on a WebGPU adapter. */
import type { Problem } from '../problem.ts'
import { encodeModel } from '../onnx/model.ts'
import { moeGraph } from '../onnx/moe-graph.ts'
import { loadPeer } from './load-peer.ts'
import type { OpenRunner, Runner } from './runner.ts'
import { provideWebGpu, type SoftwareAdapter } from './webgpu.ts'

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

type Options = Readonly<Record<string, unknown>>

async function openOn({ size, weights }: Problem, options: Options, device: string): Promise<Runner> {
  const { module: ort, version } = loadPeer<OnnxRuntime>('onnxruntime-node')
  const session = await ort.InferenceSession.create(encodeModel(moeGraph(size, weights)), {
    graphOptimizationLevel: 'all',
    ...options,
  })
  return {
    version,
    detail: `${device}, experts gather their rows in the graph`,
    run: async (x) => {
      const { y } = await session.run({ x: new ort.Tensor('float32', x, [x.length / size.width, size.width]) })
      return y.data as Float32Array
    },
    close: () => session.release(),
  }
}

export const openOnnxRuntime =
  (threads: number): OpenRunner =>
  (problem) =>
    openOn(
      problem,
      { executionProviders: ['cpu'], intraOpNumThreads: threads, interOpNumThreads: 1 },
      `CPU, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    )

/** Its own WebGPU, which finds the driver by the environment; what that cannot do runs on the processor. */
export const openOnnxRuntimeOnWebGpu =
  (adapter: SoftwareAdapter): OpenRunner =>
  async (problem) => {
    await provideWebGpu(adapter)
    return openOn(problem, { executionProviders: ['webgpu'] }, `webgpu on ${adapter}`)
  }
