/**
 * Gemma 4: layers with a window and full ones, whose heads have other sizes, groups and rotary embeddings. Values of full layers
 * may be the keys.
 */
import { layerCondition, layerFlags } from '../decoder/layers.ts'
import { isRecord, shown, type Fields } from '../fields.ts'
import type { Context, Make, Sublayer } from '../part.ts'
import { readRopeOf } from '../rope.ts'
import { attentionCall, attentionLayer, biasesEverywhere, mergedCalls, type GroupedOptions } from './grouped.ts'
import { readHeads, type Heads } from './heads.ts'
import { readLayerTypes, WINDOW } from './window.ts'

const SLIDING = 'sliding_attention'
const FULL = 'full_attention'

/** Every sixth layer is full where `layer_types` is absent. */
const STEP = 6

/** What counts where `rope_parameters` is absent. */
const ROPE = {
  [SLIDING]: { rope_type: 'default', rope_theta: 10_000 },
  [FULL]: { rope_type: 'proportional', partial_rotary_factor: 0.25, rope_theta: 1e6 },
} as const

/** Which layers have a window; the last one never has. */
function slidingLayers({ fields, layers }: Context): readonly boolean[] {
  const types = readLayerTypes(fields, layers, [FULL, SLIDING])
  const flags = layerFlags(layers, (i) => (types === null ? (i + 1) % STEP !== 0 : types[i] === SLIDING))
  if (types !== null && flags[layers - 1]) fields.note("the last layer is full, as in transformers, whatever 'layer_types' says")
  return flags.map((isSliding, i) => isSliding && i < layers - 1)
}

/** Sizes of heads in full layers, as transformers 5 writes them: an entry with the same values for each full layer. */
function overrides(fields: Fields, sliding: readonly boolean[]): Fields {
  const all = fields.group('per_layer_config')
  const full = sliding.flatMap((isSliding, i) => (isSliding ? [] : [String(i)]))
  const [first] = full
  const isSame = full.every((i) => shown(all.raw(i)) === shown(all.raw(first)))
  const others = all.names.filter((name) => all.has(name) && !full.includes(name))
  if (!isSame || others.length > 0 || !isRecord(all.raw(first)))
    fields.refuseValue('per_layer_config', 'only one size of heads for all full layers is supported, and none for the others')
  for (const name of full) all.isGroup(name)
  const own = all.group(first)
  for (const name of own.names.filter((one) => one !== 'head_dim' && one !== 'num_key_value_heads'))
    fields.refuse(`'per_layer_config.${first}.${name}' is not supported`)
  return own
}

const SIZE = 'the size of a head of full layers'
const GROUPS = 'the groups of heads of full layers that share a key and a value'

/** Heads of full layers: those of `per_layer_config`, else by the fields that say `global`. */
function fullHeads(fields: Fields, sliding: readonly boolean[], sharesValues: boolean): Heads {
  const heads = fields.count('num_attention_heads', 'the heads of the attention')
  const [size, groups] = fullSizes(fields, sliding, sharesValues)
  fields.demand(
    heads % groups === 0,
    ['num_attention_heads', 'num_global_key_value_heads'],
    `full layers have ${groups} heads of keys, which does not divide 'num_attention_heads' (${heads})`,
  )
  return { heads, groups, size, isFree: size !== fields.count('hidden_size', '') / heads }
}

function fullSizes(fields: Fields, sliding: readonly boolean[], sharesValues: boolean): readonly [number, number] {
  const plain = (): number => fields.count('num_key_value_heads', GROUPS)
  if (fields.has('per_layer_config')) {
    for (const name of ['global_head_dim', 'num_global_key_value_heads']) fields.skip(name, "nothing: 'per_layer_config' counts")
    const own = overrides(fields, sliding)
    const size = own.has('head_dim') ? own.count('head_dim', SIZE) : fields.count('head_dim', SIZE)
    return [size, own.has('num_key_value_heads') ? own.count('num_key_value_heads', GROUPS) : plain()]
  }
  const size = fields.count('global_head_dim', SIZE)
  if (sharesValues) return [size, fields.optionalCount('num_global_key_value_heads', GROUPS) ?? plain()]
  fields.skip('num_global_key_value_heads', "nothing: 'attention_k_eq_v' is false")
  return [size, plain()]
}

/** Refuses a direction of text that is not causal; images, which attend both ways where it says so, are not read. */
function demandCausal(fields: Fields): void {
  if (!fields.has('use_bidirectional_attention')) return
  const direction = fields.text('use_bidirectional_attention', 'nothing: text is causal where it is "vision"')
  if (direction !== 'vision') fields.refuseValue('use_bidirectional_attention', 'attention must be causal')
}

/** Layers that take keys and values from an earlier one. */
function refuseSharedLayers(fields: Fields): void {
  const count = fields.whole('num_kv_shared_layers', 'layers that take keys and values from an earlier one')
  if (count > 0) fields.refuseValue('num_kv_shared_layers', 'layers without keys and values of their own are not supported')
  fields.skip('use_double_wide_mlp', 'nothing: no layer takes keys and values from an earlier one')
}

const COMMON: GroupedOptions = { norms: 'head', biases: biasesEverywhere('attention_bias'), hasValueNorm: true, scale: 1 }

export const gemmaAttention: Make<Sublayer> = (context: Context) => {
  const { fields, layers } = context
  demandCausal(fields)
  refuseSharedLayers(fields)
  const sliding = slidingLayers(context)
  const sharesValues = fields.flag('attention_k_eq_v', 'whether values of full layers are the keys before their norm')
  const full = attentionCall({
    ...COMMON,
    heads: () => fullHeads(fields, sliding, sharesValues),
    plainRope: () => readRopeOf(FULL, fields, ROPE),
    window: () => null,
    sharesValues,
  })(context)
  const condition = layerCondition(
    context.fields,
    sliding.map((isSliding) => !isSliding),
  )
  if (typeof condition === 'boolean') {
    for (const name of ['sliding_window', 'head_dim']) fields.skip(name, 'nothing: no layer has a window')
    return attentionLayer(full)
  }
  const size = fields.count('sliding_window', WINDOW)
  const windowed = attentionCall({
    ...COMMON,
    heads: readHeads,
    plainRope: () => readRopeOf(SLIDING, fields, ROPE),
    window: () => ({ size, layers: true, flags: layerFlags(layers, () => true) }),
  })(context)
  return { ...attentionLayer(mergedCalls('full', full, windowed)), before: [`let full = ${condition}`], namesInput: false }
}
