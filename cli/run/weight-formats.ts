/** `--weights-as FORMAT`: what weights are stored as. */
import { Option } from 'commander'
import type { WeightFormats } from '../../compiler/passes/weight-formats.ts'
import { elementBytes, type Plan } from '../../plan/plan.ts'
import { formatsIn } from '../../runtime/weights/formats.ts'
import { CONVERTED, type Converted } from '../../runtime/weights/convert.ts'
import { bytes } from '../output.ts'
import type { Terminal } from '../terminal.ts'
import { openWeights } from './weights.ts'

export interface WeightFormatOptions {
  readonly weights?: string
  readonly weightsAs: 'shipped' | 'f32' | Converted
}

export const weightsAsOption = (): Option =>
  new Option('--weights-as <format>', 'what weights are stored as: as the checkpoint has them, or converted while they load')
    .choices(['shipped', 'f32', ...CONVERTED])
    .default('shipped')

/** The formats of the weights as an option of the compiler; none for f32. Reads the header of the checkpoint. */
export async function weightFormats(
  { weights, weightsAs }: WeightFormatOptions,
  terminal: Terminal,
): Promise<{ readonly formats?: WeightFormats }> {
  if (weightsAs !== 'shipped') return weightsAs === 'f32' ? {} : { formats: { kind: 'all', format: weightsAs } }
  if (weights === undefined) return {}
  // the file is opened again where weights are read, which says what there is to say of it
  const { checkpoint } = await openWeights(weights, { ...terminal, err: () => {} })
  try {
    return { formats: { kind: 'tensors', formats: formatsIn(checkpoint), isByPath: checkpoint.isByPath === true } }
  } finally {
    await checkpoint.close()
  }
}

/** ` (12 MiB as bf16, 4 KiB as f32)`: the memory of the weights of a plan; empty where all are f32. */
export function heldText({ weights, buffers }: Pick<Plan, 'weights' | 'buffers'>): string {
  const held = new Map<string, number>()
  for (const id of new Set(weights.map(({ buffer }) => buffer))) {
    const { dtype, storage, elements } = buffers.find((buffer) => buffer.id === id)!
    const format = storage?.format ?? dtype
    held.set(format, (held.get(format) ?? 0) + elementBytes(dtype, storage, Number(elements)))
  }
  if (weights.every(({ storage }) => storage === undefined)) return ''
  return ` (${[...held].map(([format, size]) => `${bytes(size)} as ${format}`).join(', ')})`
}
