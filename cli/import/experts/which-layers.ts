/** Which layers are dense, by the fields of a family. */
import { shown } from '../fields.ts'
import type { Context } from '../part.ts'

/** The first layers are dense, as many as a field says. */
export const denseFirst =
  (field = 'first_k_dense_replace') =>
  ({ fields }: Context): ((i: number) => boolean) => {
    const count = fields.whole(field, 'how many of the first layers are dense')
    return (i) => i < count
  }

/** `mlp_layer_types` says which layers are dense and which sparse; without it what `byDefault` says. */
export const byMlpTypes =
  (byDefault: (context: Context) => (i: number) => boolean) =>
  (context: Context): ((i: number) => boolean) => {
    const { fields, layers } = context
    if (!fields.has('mlp_layer_types')) return byDefault(context)
    fields.skip('first_k_dense_replace', "nothing: 'mlp_layer_types' counts")
    const types = fields.list('mlp_layer_types', 'which layers are dense')
    const odd = types.find((type) => type !== 'dense' && type !== 'sparse')
    if (odd !== undefined) fields.refuse(`'mlp_layer_types' names ${shown(odd)}: it must be dense or sparse`)
    const law = `'mlp_layer_types' has ${types.length} layers, and 'num_hidden_layers' is ${layers}`
    fields.demand(types.length === layers, ['num_hidden_layers'], law)
    return (i) => types[i] === 'dense'
  }

/** ERNIE 4.5: every `moe_layer_interval`-th layer from `moe_layer_start_index` to `moe_layer_end_index` has experts. */
export function ernieLayers({ fields, layers }: Context): (i: number) => boolean {
  const step = fields.count('moe_layer_interval', 'every how many layers there are experts')
  const first = fields.whole('moe_layer_start_index', 'the first layer with experts')
  const isLast = fields.raw('moe_layer_end_index') === -1
  if (isLast) fields.skip('moe_layer_end_index', 'nothing: -1 is the last layer')
  const end = isLast ? layers - 1 : fields.whole('moe_layer_end_index', 'the last layer with experts', layers - 1)
  return (i) => !((i + 1) % step === 0 && i >= first && i <= end)
}

/** `mlp_only_layers` lists dense layers; of the others every `decoder_sparse_step`-th has experts. */
export function sparseSteps({ fields }: Context): (i: number) => boolean {
  const listed = fields.list('mlp_only_layers', 'the layers that are dense')
  const step = fields.count('decoder_sparse_step', 'every how many layers there are experts')
  const odd = listed.find((layer) => typeof layer !== 'number' || !Number.isSafeInteger(layer))
  if (odd !== undefined) fields.refuse(`'mlp_only_layers' names ${shown(odd)}: it must list numbers of layers`)
  const dense = new Set(listed)
  return (i) => dense.has(i) || (i + 1) % step !== 0
}

/** Nomic: experts in the second of every `moe_every_n_layers` layers, and in none where that is no number above 0. */
export function everySecondOf({ fields }: Context): (i: number) => boolean {
  const name = 'moe_every_n_layers'
  const isNone = [0, -1].includes(fields.raw(name) as number)
  if (isNone) fields.skip(name, 'no layer has experts')
  const step = isNone ? 1 : fields.count(name, 'every how many layers there are experts')
  return (i) => i % step !== 1
}
