/** Kernels of the CPU device. */
import type { WasmKernel } from '../../plan/plan.ts'
import type { CompiledKernel } from '../device.ts'

export interface CpuKernel extends CompiledKernel {
  readonly kernel: WasmKernel
  /** Its number in the pool. */
  readonly number: number
  readonly ownBytes: number
}

/** Bytes of base64 text, in browsers and in Node. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const characters = atob(text)
  const bytes = new Uint8Array(characters.length)
  for (let at = 0; at < bytes.length; at++) bytes[at] = characters.charCodeAt(at)
  return bytes
}
