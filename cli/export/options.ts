/** Options of commands that write a folder in the layout of the hub. */
import { existsSync } from 'node:fs'
import { Option } from 'commander'
import { EXIT, Failure } from '../exit.ts'
import type { WeightFormatOptions } from '../run/weight-formats.ts'
import type { Terminal } from '../terminal.ts'
import type { WeightsAs } from './tensors.ts'

/** `--weights-as` as dtypes of files. */
export const EXPORTED_AS: { readonly [F in WeightFormatOptions['weightsAs']]: WeightsAs } = {
  shipped: 'shipped',
  f32: 'F32',
  bf16: 'BF16',
  f16: 'F16',
}

/** Throws a Failure for a folder that is there. */
export function checkNew(typed: string, terminal: Terminal): void {
  if (existsSync(terminal.path(typed)))
    throw new Failure(EXIT.usage, `'${typed}' is there already`, 'a model is written into a folder of its own')
}

const UNITS: Readonly<Record<string, number>> = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 }

/** `5GB` in bytes. */
function sizeOf(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?) ?([KMGT]?B)$/i.exec(text) ?? []
  const size = Math.floor(Number(number) * UNITS[unit?.toUpperCase()])
  if (size >= 1) return size
  throw new Failure(EXIT.usage, `'${text}' is not a size`, 'write a number and B, KB, MB or GB, for example --shard-size 5GB')
}

export const shardOption = (): Option =>
  new Option('--shard-size <size>', 'the most that a file of weights holds').argParser(sizeOf).default(5e9, '5GB')
