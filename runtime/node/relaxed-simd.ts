/** Relaxed SIMD of WebAssembly, which Node 20 has behind a flag of V8. */
import { setFlagsFromString } from 'node:v8'
import { hasWasm } from '../cpu/probe.ts'

/** V8 11.3 alone knows it; later ones need none. */
const FLAG = '--experimental-wasm-relaxed-simd'
const FLAGGED_NODE = 20

export type RelaxedSimd = 'yes' | 'behind a flag' | 'no'

export function relaxedSimd(): RelaxedSimd {
  if (hasWasm('relaxedSimd')) return 'yes'
  return Number.parseInt(process.versions.node, 10) === FLAGGED_NODE ? 'behind a flag' : 'no'
}

/**
 * Whether modules with relaxed SIMD compile from now on. Where it is behind a flag, the flag is set for the whole process:
 * modules without it stay as they are.
 */
export function enableRelaxedSimd(): boolean {
  if (relaxedSimd() === 'behind a flag') setFlagsFromString(FLAG)
  return hasWasm('relaxedSimd')
}
