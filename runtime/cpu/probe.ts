/** What the platform's WebAssembly can do, asked by modules of a few bytes. */

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]
const V128 = 0x7b

/** A vector of zeros. */
const ZEROS = [0xfd, 0x0c, ...Array.from({ length: 16 }, () => 0)]

/** A module with one function that has no parameters, and returns what these instructions leave. */
function functionOf(result: number, instructions: readonly number[]): readonly number[] {
  const body = [0x00, ...instructions, 0x0b]
  const code = [0x01, body.length, ...body]
  return [...HEADER, 0x01, 0x05, 0x01, 0x60, 0x00, 0x01, result, 0x03, 0x02, 0x01, 0x00, 0x0a, code.length, ...code]
}

const MODULES = {
  simd: functionOf(V128, ZEROS),
  relaxedSimd: functionOf(V128, [...ZEROS, ...ZEROS, ...ZEROS, 0xfd, 0x85, 0x02]),
  /** One shared memory of one page. */
  sharedMemory: [...HEADER, 0x05, 0x04, 0x01, 0x03, 0x01, 0x01],
  /** One memory of one page, with addresses of 64 bits. */
  memory64: [...HEADER, 0x05, 0x03, 0x01, 0x04, 0x01],
} as const satisfies Readonly<Record<string, readonly number[]>>

export type WasmFeature = keyof typeof MODULES

export const hasWasm = (feature: WasmFeature): boolean => WebAssembly.validate(Uint8Array.from(MODULES[feature]))
