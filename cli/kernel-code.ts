import type { Kernel } from '../plan/plan.ts'

/** The code of a kernel as a file has it: the text of WGSL, the bytes of WebAssembly. */
export const codeOf = (kernel: Kernel): string | Uint8Array =>
  'wgsl' in kernel ? kernel.wgsl : Buffer.from(kernel.wasm, 'base64')
