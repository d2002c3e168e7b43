/** Which layers are dense, by the fields of a family. */
import { shown } from '../fields.ts'
import type { Context } from '../part.ts'

/** `mlp_only_layers` lists dense layers; of the others every `decoder_sparse_step`-th has experts. */
export function sparseSteps({ fields }: Context): (i: number) => boolean {
  const listed = fields.list('mlp_only_layers', 'the layers that are dense')
  const step = fields.count('decoder_sparse_step', 'every how many layers there are experts')
  const odd = listed.find((layer) => typeof layer !== 'number' || !Number.isSafeInteger(layer))
  if (odd !== undefined) fields.refuse(`'mlp_only_layers' names ${shown(odd)}: it must list numbers of layers`)
  return (i) => listed.includes(i) || (i + 1) % step !== 0
}
