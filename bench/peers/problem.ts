/** What every runner computes: the layer, its weights and inputs, as files that all of them read. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LayerSize } from '../../cli/bench/layer.ts'

/** As a linear layer of PyTorch stores them: [out, in], those of all experts one after the other. */
export interface Weights {
  /** [E, d] */
  readonly router: Float32Array
  /** [E, ff, d] */
  readonly gate: Float32Array
  /** [E, ff, d] */
  readonly up: Float32Array
  /** [E, d, ff] */
  readonly down: Float32Array
}

export interface Problem {
  readonly size: LayerSize
  readonly weights: Weights
  /** [T, d], by T. */
  readonly inputs: ReadonlyMap<number, Float32Array>
}

const NAMES = ['router', 'gate', 'up', 'down'] as const satisfies readonly (keyof Weights)[]

const readFloats = (folder: string, name: string): Float32Array => {
  const { buffer, byteOffset, byteLength } = readFileSync(join(folder, `${name}.f32`))
  return new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength))
}

const writeFloats = (folder: string, name: string, data: Float32Array): void =>
  writeFileSync(join(folder, `${name}.f32`), new Uint8Array(data.buffer, data.byteOffset, data.byteLength))

export function writeProblem(folder: string, { size, weights, inputs }: Problem): void {
  for (const name of NAMES) writeFloats(folder, name, weights[name])
  for (const [tokens, x] of inputs) writeFloats(folder, `x-${tokens}`, x)
  writeFileSync(join(folder, 'problem.json'), JSON.stringify({ size, tokens: [...inputs.keys()] }))
}

export function readProblem(folder: string): Problem {
  const { size, tokens } = JSON.parse(readFileSync(join(folder, 'problem.json'), 'utf8')) as {
    readonly size: LayerSize
    readonly tokens: readonly number[]
  }
  const [router, gate, up, down] = NAMES.map((name) => readFloats(folder, name))
  return {
    size,
    weights: { router, gate, up, down },
    inputs: new Map(tokens.map((count) => [count, readFloats(folder, `x-${count}`)])),
  }
}

/** What a runner computed for T tokens; each replaces what the one before it wrote. */
export const writeResult = (folder: string, tokens: number, y: Float32Array): void => writeFloats(folder, `y-${tokens}`, y)
export const readResult = (folder: string, tokens: number): Float32Array => readFloats(folder, `y-${tokens}`)
