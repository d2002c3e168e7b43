/** A checkpoint for a spec that stands in a test. */
import { randomCheckpoint } from '../../cli/bench/random.ts'
import { createLoader } from '../../cli/load.ts'
import { processTerminal } from '../../cli/terminal.ts'
import { compile } from '../../compiler/compile.ts'
import { PORTABLE } from '../../plan/target.ts'
import { encodeSafetensors } from '../../runtime/checkpoint/encode.ts'
import type { HostData } from '../../runtime/tensors.ts'
import { framed } from '../support/check.ts'

/** Random weights in f32, as a safetensors file. */
export async function randomWeights(text: string, seed = 3): Promise<Uint8Array> {
  const { plan, diagnostics } = compile({ path: 'spec.smoe', text }, { load: createLoader(processTerminal()), target: PORTABLE })
  if (plan === null) throw new Error(framed(diagnostics))
  const random = randomCheckpoint(plan, seed)
  const tensors: Record<string, HostData> = {}
  for (const { name, shape, bytes } of random.tensors.values()) {
    tensors[name] = { shape, data: new Float32Array((await random.read(name, 0, bytes)).slice().buffer) }
  }
  return encodeSafetensors(tensors)
}
