/** The spec of a decoder: embedding, layers of attention and feed-forward network, norm, head. */
import { mergedImports, type Context, type Make, type Sublayer, type Weights } from '../part.ts'
import type { Row, RowSpec, SpecOptions } from '../row.ts'
import { intParameter, mergedParameters } from '../parameter.ts'
import { documented, realText, writeModel } from '../write.ts'
import type { Fields } from '../fields.ts'
import { refuseVariants } from './variants.ts'
import { PLAIN, type Multipliers } from './multipliers.ts'
import { rmsNorm, type Norm } from './norm.ts'
import { added, afterNorm, factorText, type NormPlace } from './sublayer.ts'
import { inFile, inLayers } from './weights.ts'

/** Names of what every decoder has, in checkpoint and config. */
export interface DecoderNames {
  readonly embedding: string
  readonly head: string
  readonly finalNorm: string
  /** What leads to a layer; `{i}` is its index. */
  readonly layer: string
  readonly attentionNorm: string
  readonly feedForwardNorm: string
  /** Norms of the outputs, where there are norms on both sides. */
  readonly attentionAfterNorm?: string
  readonly feedForwardAfterNorm?: string
  /** The factor on the residual stream after a layer, where there is one. */
  readonly layerFactor?: string
  /** Fields of the config. */
  readonly width: string
  readonly layers: string
}

export const LLAMA_NAMES: DecoderNames = {
  embedding: 'model.embed_tokens.weight',
  head: 'lm_head.weight',
  finalNorm: 'model.norm',
  layer: 'model.layers.{i}',
  attentionNorm: 'input_layernorm',
  feedForwardNorm: 'post_attention_layernorm',
  width: 'hidden_size',
  layers: 'num_hidden_layers',
}

export interface DecoderParts {
  readonly attention: Make<Sublayer>
  readonly feedForward: Make<Sublayer>
  readonly norm?: Make<Norm>
  /** The norm before the head, where it is another than those of the layers. */
  readonly lastNorm?: Make<Norm>
  /** Before the sublayers where it is absent. */
  readonly norms?: NormPlace
  readonly names?: Partial<DecoderNames>
  readonly multipliers?: Make<Multipliers>
  /** Whether the head has a bias. */
  readonly headBias?: Make<boolean>
}

/** The logits from what the head gives: capped, or divided by a number. */
function logitsText(scores: string, { logits, cap }: Multipliers): string {
  const divided = logits === 1 ? scores : `(${scores}) / ${realText(logits)}`
  return cap === null ? divided : `soft_cap(${divided}, ${realText(cap)})`
}

const readMultipliers = (parts: DecoderParts, context: Context): Multipliers => parts.multipliers?.(context) ?? PLAIN

/** A row of the table that is a decoder of these parts. */
export const decoderRow = ({ parts, ...row }: Omit<Row, 'spec'> & { readonly parts: DecoderParts }): Row => ({
  ...row,
  spec: (fields, options) => decoderSpec(parts, fields, options),
})

/** The most layers that a spec may repeat. */
const MOST_LAYERS = 65_536

export function readLayers(fields: Fields, name: string): number {
  const layers = fields.count(name, 'the parameter L')
  if (layers <= MOST_LAYERS) return layers
  fields.refuseValue(name, `more than ${MOST_LAYERS} layers are not supported`)
  return 1
}

export function decoderSpec(
  parts: DecoderParts,
  fields: Fields,
  { layout, name, doc, architecture, gguf, quantized }: SpecOptions,
): RowSpec {
  refuseVariants(fields, architecture)
  const names = { ...LLAMA_NAMES, ...parts.names }
  const [vocabulary, width] = [
    fields.count('vocab_size', 'the parameter V'),
    fields.count(names.width, 'the parameter D: the width of the residual stream'),
  ]
  const layers = readLayers(fields, names.layers)
  const context: Context = { fields, layout, layers, rotates: gguf?.rotates ?? 'half-split', quantized }
  const [norm, multipliers] = [(parts.norm ?? rmsNorm())(context), readMultipliers(parts, context)]
  const residual = { norm, place: parts.norms ?? 'before', scale: multipliers.residual }
  const lastNorm = parts.lastNorm?.(context) ?? norm
  const [attention, feedForward] = [parts.attention(context), parts.feedForward(context)]
  const isTied = fields.flag('tie_word_embeddings', 'whether the head is the embedding', false)
  const hasFactor = names.layerFactor !== undefined
  const outputNorm = (label: string, name: string | undefined): Weights =>
    name === undefined ? {} : norm.weights(afterNorm(label), name)
  const hasBias = parts.headBias?.(context) === true
  const head = isTied ? 'embed' : 'head'
  const scores = [lastNorm.call('h', 'final_norm'), `@ ${head}.T`, ...(hasBias ? ['+ head_bias'] : [])].join(' ')
  const text = writeModel({
    name,
    doc,
    imports: mergedImports([
      norm.imports,
      lastNorm.imports,
      attention.imports,
      feedForward.imports,
      hasFactor ? { 'blocks/norm': ['scaled'] } : {},
    ]),
    parameters: mergedParameters([
      [
        intParameter('V', vocabulary, 'Vocabulary.'),
        intParameter('D', width, 'Width of the residual stream.'),
        intParameter('L', layers, 'Layers.', 'depth'),
      ],
      attention.parameters,
      feedForward.parameters,
      norm.parameters,
      lastNorm.parameters,
    ]),
    body: [
      'input tokens: i32[B, S]  /// Token ids, a sequence in each row.',
      'param embed: f32[V, D]',
      `var h = ${factorText(multipliers.embedding)}take(embed, tokens)`,
      '',
      'repeat layers[i] in 0..L {',
      ...added(attention, 'attention', residual),
      ...added(feedForward, feedForward.label, residual, hasFactor ? (sum) => `scaled(${sum}) as layer` : undefined),
      '}',
      '',
      ...(isTied ? [] : ['param head: f32[V, D]']),
      ...(hasBias ? ['param head_bias: f32[V]'] : []),
      ...documented(`output logits: f32[B, S, V] = ${logitsText(scores, multipliers)}`, 'Of the next token.'),
    ],
    weights: inFile(
      {
        embed: names.embedding,
        ...(isTied ? {} : { head: names.head }),
        ...(hasBias ? { head_bias: names.head.replace(/weight$/, 'bias') } : {}),
        ...lastNorm.weights('final_norm', names.finalNorm),
        ...inLayers(
          {
            ...norm.weights('attention_norm', names.attentionNorm),
            ...attention.weights,
            ...outputNorm('attention', names.attentionAfterNorm),
            ...(feedForward.hasNorms === true ? {} : norm.weights(`${feedForward.label}_norm`, names.feedForwardNorm)),
            ...feedForward.weights,
            ...(feedForward.hasNorms === true ? {} : outputNorm(feedForward.label, names.feedForwardAfterNorm)),
            ...(hasFactor ? { 'layer.factor': names.layerFactor } : {}),
          },
          names.layer,
        ),
      },
      fields,
      gguf,
    ),
  })
  return { text, tie: { isTied, embedding: names.embedding, head: names.head } }
}
