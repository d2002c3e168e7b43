/** The table of weights: paths and names of the layers, and names as a GGUF file has them. */
import type { Fields } from '../fields.ts'
import { ggufWeights } from '../gguf/names.ts'
import type { GgufSettings } from '../gguf/settings.ts'
import type { Weights } from '../part.ts'

/** Adds what leads to a layer to each path and each name. */
export const inLayers = (weights: Weights, layer: string): Weights =>
  Object.fromEntries(Object.entries(weights).map(([path, source]) => [`layers.{i}.${path}`, `${layer}.${source}`]))

/** The names of the file: those of the hub, or of GGUF. */
export function inFile(weights: Weights, fields: Fields, gguf: GgufSettings | undefined): Weights {
  if (gguf === undefined) return weights
  const { weights: named, unnamed } = ggufWeights(weights, gguf)
  for (const path of unnamed) fields.refuse(`'${path}' has no name in GGUF files that is known`)
  return named
}
