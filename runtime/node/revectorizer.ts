/**
 * V8's revectorizer, which compiles operations on neighbouring vectors of 128 bits as one of 256. It is behind a flag, for the
 * whole process, and stays off where a loop that is compiled with it computes other bits than Math.fround.
 */
import { setFlagsFromString } from 'node:v8'
import type { Revectorizer } from '../cpu/device.ts'
import { fromBase64 } from '../cpu/kernels.ts'

const ON = '--experimental-wasm-revectorize'
const OFF = '--no-experimental-wasm-revectorize'
/** The versions of Node whose revectorizer was tried: an unknown flag is an error that cannot be caught. */
const NODES: readonly number[] = [24]

/**
 * `kernel(bytes)`: at 0, two vectors, the sums of products of the vectors from 32 and from 4096 on, each second one; `bytes` is a
 * multiple of 32. It imports a memory of one page.
 */
export const PAIR_OF_SUMS =
  'AGFzbQEAAAABhYCAgAABYAF/AAKQgICAAAEDZW52Bm1lbW9yeQIBAQEDgoCAgAABAAeKgICAAAEGa2VybmVsAAAK1YCAgAABUwIBfwJ7A0AgAiAB/QAEICAB/QAE' +
  'gCD95gH95AEhAiADIAH9AAQwIAH9AASQIP3mAf3kASEDIAFBIGoiASAASQ0AC0EAIAL9CwQAQQAgA/0LBBAL'

const LANES = 8
const WORD = 4
const STEPS = 61
const [LEFT, RIGHT] = [32 / WORD, 4096 / WORD]

/** Whether the loop, compiled now by the optimising compiler, has the bits of Math.fround. */
function isExact(): boolean {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 })
  const words = new Float32Array(memory.buffer)
  words.forEach((_, at) => (words[at] = Math.sin(at * 1.7) * 2 ** (at % 23)))
  const sums = new Float32Array(LANES)
  for (let at = 0; at < STEPS * LANES; at++) sums[at % LANES] += Math.fround(words[LEFT + at] * words[RIGHT + at])
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(fromBase64(PAIR_OF_SUMS)), { env: { memory } })
  ;(exports.kernel as (bytes: number) => void)(STEPS * LANES * WORD)
  const bits = new Int32Array(memory.buffer)
  return new Int32Array(sums.buffer).every((sum, at) => sum === bits[at])
}

let known: Revectorizer | null = null

/** Switches it on from now on where it is there and passes its test, which takes some milliseconds, once for a process. */
export function enableRevectorizer(): Revectorizer {
  if (known !== null) return known
  if (process.arch !== 'x64' || !NODES.includes(Number.parseInt(process.versions.node, 10))) return (known = 'no')
  setFlagsFromString(ON)
  // what is compiled first is otherwise not optimised
  setFlagsFromString('--no-liftoff')
  known = isExact() ? 'yes' : 'wrong results'
  setFlagsFromString('--liftoff')
  if (known !== 'yes') setFlagsFromString(OFF)
  return known
}
