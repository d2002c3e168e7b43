/** Windows of the attention: which layers look back how far. */
import { layerCondition, layerFlags, type Condition } from '../decoder/layers.ts'
import { shown, type Fields } from '../fields.ts'
import type { Context, Make } from '../part.ts'

export interface Window {
  /** Positions that a position sees, itself included. */
  readonly size: number
  /** The layers that have it. */
  readonly layers: Condition
  readonly flags: readonly boolean[]
}

export const WINDOW = 'how many positions a position sees'

/** All layers look back as far as `sliding_window` says, if it does. */
export const windowEverywhere: Make<Window | null> = ({ fields, layers }) => {
  const size = fields.optionalCount('sliding_window', WINDOW)
  return size === null ? null : { size, layers: true, flags: layerFlags(layers, () => true) }
}

/** `use_sliding_window` says whether `sliding_window` counts; then every layer has it. */
export const windowIfUsed: Make<Window | null> = (context) => {
  const isUsed = context.fields.flag('use_sliding_window', 'whether there is a window')
  if (isUsed) return windowEverywhere(context)
  context.fields.skip('sliding_window', "nothing: 'use_sliding_window' is false")
  return null
}

const SLIDING = 'sliding_attention'
const FULL = 'full_attention'
/** Older names of the kinds of layers. */
const LEGACY: Readonly<Record<string, string>> = { attention: FULL }

/** The kind of each layer as `layer_types` says; null where the field is absent. */
export function readLayerTypes(fields: Fields, layers: number, known: readonly string[]): readonly string[] | null {
  if (!fields.has('layer_types')) return null
  const named = fields.list('layer_types', 'the kind of each layer')
  const types = named.map((type) => (typeof type === 'string' && Object.hasOwn(LEGACY, type) ? LEGACY[type] : type))
  const odd = types.findIndex((type) => typeof type !== 'string' || !known.includes(type))
  if (odd >= 0) {
    fields.refuse(`'layer_types' names ${shown(named[odd])}: supported are ${known.join(', ')}`)
    return Array.from({ length: layers }, () => known[0])
  }
  fields.demand(
    types.length === layers,
    ['layer_types', 'num_hidden_layers'],
    `'layer_types' has ${types.length} layers, and 'num_hidden_layers' is ${layers}`,
  )
  return types as readonly string[]
}

/** The window of the layers that `layer_types` calls sliding, or those that are by default. */
export function windowByTypes(context: Context, size: number | null, isSliding: (i: number) => boolean): Window | null {
  const { fields, layers } = context
  const types = readLayerTypes(fields, layers, [FULL, SLIDING])
  const flags = layerFlags(layers, (i) => (types === null ? size !== null && isSliding(i) : types[i] === SLIDING))
  const condition = layerCondition(fields, flags)
  if (condition === false) return null
  fields.demand(size !== null, ['layer_types'], `'layer_types' names ${SLIDING}, and there is no 'sliding_window'`)
  return { size: size ?? 1, layers: condition, flags }
}

/** Every layer attends to all positions, whatever `layer_types` could say. */
export function refuseLayerTypes({ fields, layers }: Context): void {
  readLayerTypes(fields, layers, [FULL])
}

/** `sliding_window` in the layers that `layer_types` calls sliding, or in those that are by default. */
export const windowOfTypes =
  (byDefault: (i: number) => boolean): Make<Window | null> =>
  (context) =>
    windowByTypes(context, context.fields.optionalCount('sliding_window', WINDOW), byDefault)

/** dots.llm1: without `layer_types` the layers from `max_window_layers` on. */
export const windowFromLayer: Make<Window | null> = (context) => {
  const { fields } = context
  const size = fields.optionalCount('sliding_window', WINDOW)
  if (!fields.has('layer_types')) {
    const first = fields.whole('max_window_layers', FROM)
    return windowByTypes(context, size, (i) => i >= first)
  }
  fields.skip('max_window_layers', "nothing: 'layer_types' counts")
  return windowByTypes(context, size, () => false)
}

/**
 * EXAONE: without `layer_types` all layers but every `sliding_window_pattern`-th. Where there is a window, no layer may have it.
 */
export const windowByPattern: Make<Window | null> = (context) => {
  const { fields, layers } = context
  const size = fields.optionalCount('sliding_window', WINDOW)
  if (size === null) {
    refuseSliding(context)
    return null
  }
  const isTyped = fields.has('layer_types')
  const step = isTyped ? 1 : fields.count('sliding_window_pattern', 'every how many layers there is no window')
  if (isTyped) fields.skip('sliding_window_pattern', "nothing: 'layer_types' counts")
  const none: Window = { size, layers: false, flags: layerFlags(layers, () => false) }
  return windowByTypes(context, size, (i) => (i + 1) % step !== 0) ?? none
}

function refuseSliding(context: Context): void {
  context.fields.skip('sliding_window_pattern', "nothing: there is no 'sliding_window'")
  refuseLayerTypes(context)
}

const FROM = 'the layers that have a window'

/** A window in the layers that `layer_types` calls sliding; without it in those that `byDefault` says. */
const windowIfUsedByTypes =
  (byDefault: (context: Context) => (i: number) => boolean): Make<Window | null> =>
  (context) => {
    const { fields } = context
    const isUsed = fields.flag('use_sliding_window', 'whether there is a window')
    if (!isUsed) fields.skip('sliding_window', "nothing: 'use_sliding_window' is false")
    const size = isUsed ? fields.optionalCount('sliding_window', WINDOW) : null
    const isTyped = fields.has('layer_types')
    if (!isUsed || isTyped) fields.skip('max_window_layers', 'nothing: no layer asks for it')
    return windowByTypes(context, size, isUsed && !isTyped ? byDefault(context) : () => false)
  }

/** Qwen2 and Qwen3: the layers from `max_window_layers` on. */
export const windowAbove = windowIfUsedByTypes(({ fields }) => {
  const first = fields.whole('max_window_layers', FROM)
  return (i) => i >= first
})

/** Qwen2-MoE: every other layer below `max_window_layers`. */
export const windowEveryOther = windowIfUsedByTypes(({ fields }) => {
  const end = fields.whole('max_window_layers', FROM)
  return (i) => i % 2 === 0 && i < end
})
