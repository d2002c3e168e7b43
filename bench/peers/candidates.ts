/** Everything that is measured. */
import { availableParallelism } from 'node:os'
import { openJax, openJaxOnWebGpu } from './runners/jax.ts'
import { openOnnxRuntime, openOnnxRuntimeOnWebGpu } from './runners/onnxruntime.ts'
import type { OpenRunner } from './runners/runner.ts'
import { openSmoe } from './runners/smoe.ts'
import { openTfjs, openTfjsOnWebGpu } from './runners/tfjs.ts'

interface NodeCandidate {
  readonly kind: 'node'
  readonly open: OpenRunner
}

interface PythonCandidate {
  readonly kind: 'python'
  readonly program: string
}

export type Candidate = (NodeCandidate | PythonCandidate) & {
  readonly name: string
  /** For the table and the chart. */
  readonly label: string
}

const THREADS = availableParallelism()
const threads = (count: number): string => `${count} ${count === 1 ? 'thread' : 'threads'}`

const ofNode = (name: string, label: string, open: OpenRunner): Candidate => ({ kind: 'node', name, label, open })

export const CANDIDATES: readonly Candidate[] = [
  ofNode('smoe-cpu-1', 'smoe cpu, 1 thread', openSmoe({ choose: 'cpu', threads: 1 })),
  ofNode('smoe-cpu', `smoe cpu, ${threads(THREADS)}`, openSmoe({ choose: 'cpu', threads: THREADS })),
  ofNode('smoe-cpu-fast', `smoe cpu --fast, ${threads(THREADS)}`, openSmoe({ choose: 'cpu', threads: THREADS, fast: true })),
  ofNode('smoe-lavapipe', 'smoe WebGPU, lavapipe', openSmoe({ choose: 'lavapipe' })),
  ofNode('smoe-swiftshader', 'smoe WebGPU, SwiftShader', openSmoe({ choose: 'SwiftShader' })),
  ofNode('onnxruntime-1', 'onnxruntime-node CPU, 1 thread', openOnnxRuntime(1)),
  ofNode('onnxruntime', `onnxruntime-node CPU, ${threads(THREADS)}`, openOnnxRuntime(THREADS)),
  ofNode('onnxruntime-lavapipe', 'onnxruntime-node WebGPU, lavapipe', openOnnxRuntimeOnWebGpu('lavapipe')),
  ofNode('jax-js', 'jax-js wasm', openJax),
  ofNode('jax-js-lavapipe', 'jax-js WebGPU, lavapipe', openJaxOnWebGpu('lavapipe')),
  ofNode('tfjs', 'tfjs wasm', openTfjs),
  ofNode('tfjs-lavapipe', 'tfjs WebGPU, lavapipe', openTfjsOnWebGpu('lavapipe')),
  { kind: 'python', name: 'torch', label: 'torch CPU', program: 'bench/peers/runners/torch-layer.py' },
]
