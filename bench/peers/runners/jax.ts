/** jax-js, on WebAssembly or on a WebGPU adapter. Its arrays are freed by their use: `ref` keeps one for another. */
import type { Problem } from '../problem.ts'
import { transposed } from '../transposed.ts'
import { expertOf, runByExpert } from './by-expert.ts'
import { loadPeer, type Peer } from './load-peer.ts'
import type { OpenRunner, Runner } from './runner.ts'
import { provideWebGpu, type SoftwareAdapter } from './webgpu.ts'

interface JaxArray {
  readonly ref: JaxArray
  readonly reshape: (shape: readonly number[]) => JaxArray
  readonly mul: (other: JaxArray) => JaxArray
  readonly data: () => Promise<Float32Array>
}

type Compiled = (...operands: readonly JaxArray[]) => JaxArray

interface Jax {
  readonly init: (device: string) => Promise<unknown>
  readonly defaultDevice: (device: string) => unknown
  readonly jit: (compute: (...operands: JaxArray[]) => JaxArray) => Compiled
  readonly numpy: { readonly array: (data: Float32Array) => JaxArray; readonly matmul: (a: JaxArray, b: JaxArray) => JaxArray }
  readonly nn: { readonly silu: (x: JaxArray) => JaxArray }
}

interface ExpertArrays {
  readonly gate: JaxArray
  readonly up: JaxArray
  readonly down: JaxArray
}

/** A matrix [rows, columns] as the right operand of a product. */
const operand = ({ numpy }: Jax, data: Float32Array, rows: number, columns: number): JaxArray =>
  numpy.array(transposed(data, rows, columns)).reshape([columns, rows])

const expertArrays = (jax: Jax, { size: { experts, width, hidden }, weights }: Problem): readonly ExpertArrays[] =>
  Array.from({ length: experts }, (_, e) => ({
    gate: operand(jax, expertOf(weights.gate, e, experts), hidden, width),
    up: operand(jax, expertOf(weights.up, e, experts), hidden, width),
    down: operand(jax, expertOf(weights.down, e, experts), width, hidden),
  }))

async function loadOn(device: 'wasm' | 'webgpu'): Promise<Peer<Jax>> {
  const peer = loadPeer<Jax>('@jax-js/jax')
  await peer.module.init(device)
  peer.module.defaultDevice(device)
  return peer
}

async function openOn(device: 'wasm' | 'webgpu', detail: string, problem: Problem): Promise<Runner> {
  const { module: jax, version } = await loadOn(device)
  const { size, weights } = problem
  const { matmul, array } = jax.numpy
  const router = operand(jax, weights.router, size.experts, size.width)
  const experts = expertArrays(jax, problem)
  const logits = jax.jit((x, w) => matmul(x, w))
  const swiglu = jax.jit((x, gate, up, down) => matmul(jax.nn.silu(matmul(x.ref, gate)).mul(matmul(x, up)), down))
  const rowsOf = (data: Float32Array, count: number): JaxArray => array(data).reshape([count, size.width])
  return {
    version,
    detail: `${detail}, rows are listed on the host`,
    run: (x) =>
      runByExpert(x, size, {
        route: (all, tokens) => logits(rowsOf(all, tokens), router.ref).data(),
        expert: (at, rows, count) => {
          const { gate, up, down } = experts[at]
          return swiglu(rowsOf(rows, count), gate.ref, up.ref, down.ref).data()
        },
      }),
    close: async () => {},
  }
}

export const openJax: OpenRunner = (problem) => openOn('wasm', 'wasm, 1 thread (Node has no Worker of the web)', problem)

export const openJaxOnWebGpu =
  (adapter: SoftwareAdapter): OpenRunner =>
  async (problem) => {
    await provideWebGpu(adapter)
    return openOn('webgpu', `webgpu on ${adapter}`, problem)
  }
