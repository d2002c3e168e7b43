/** The spec of an encoder: embeddings with a norm, layers with a norm after each sum, and the hidden states of the last one. */
import { readLayers } from '../decoder/decoder.ts'
import type { Norm } from '../decoder/norm.ts'
import { added } from '../decoder/sublayer.ts'
import { refuseVariants } from '../decoder/variants.ts'
import { inLayers } from '../decoder/weights.ts'
import type { Fields } from '../fields.ts'
import { intParameter, mergedParameters } from '../parameter.ts'
import { mergedImports, type Context, type Make, type Sublayer } from '../part.ts'
import type { Row, RowSpec, SpecOptions } from '../row.ts'
import { writeModel } from '../write.ts'

/** Names of what an encoder has, in checkpoint and config. */
export interface EncoderNames {
  readonly embedding: string
  /** Embeddings of the kinds of tokens, such as the first and the second text of a pair. */
  readonly kinds: string
  readonly embeddingNorm: string
  /** What leads to a layer; `{i}` is its index. */
  readonly layer: string
  readonly attentionNorm: string
  readonly feedForwardNorm: string
  /** Fields of the config. */
  readonly vocabulary: string
  readonly numKinds: string
  readonly width: string
  readonly layers: string
}

export interface EncoderParts {
  readonly attention: Make<Sublayer>
  readonly feedForward: Make<Sublayer>
  readonly norm: Make<Norm>
  readonly names: EncoderNames
}

/** A row of the table that is an encoder of these parts. */
export const encoderRow = ({ parts, ...row }: Omit<Row, 'spec'> & { readonly parts: EncoderParts }): Row => ({
  ...row,
  spec: (fields, options) => encoderSpec(parts, fields, options),
})

function encoderSpec(parts: EncoderParts, fields: Fields, { layout, name, doc, architecture, quantized }: SpecOptions): RowSpec {
  refuseVariants(fields, architecture)
  const { names } = parts
  const [vocabulary, kinds, width] = [
    fields.count(names.vocabulary, 'the parameter V'),
    fields.count(names.numKinds, 'kinds of tokens, of which all are the first'),
    fields.count(names.width, 'the parameter D: the width of the residual stream'),
  ]
  const layers = readLayers(fields, names.layers)
  const context: Context = { fields, layout, layers, rotates: 'half-split', quantized }
  const norm = parts.norm(context)
  const [attention, feedForward] = [parts.attention(context), parts.feedForward(context)]
  const residual = { norm, place: 'sum', scale: 1 } as const
  const text = writeModel({
    name,
    doc,
    imports: mergedImports([norm.imports, attention.imports, feedForward.imports]),
    parameters: mergedParameters([
      [
        intParameter('V', vocabulary, 'Vocabulary.'),
        intParameter('D', width, 'Width of the residual stream.'),
        intParameter('L', layers, 'Layers.', 'depth'),
      ],
      attention.parameters,
      feedForward.parameters,
      norm.parameters,
    ]),
    body: [
      'input tokens: i32[B, S]  /// Token ids, a sequence in each row, all of one length: no position is padding.',
      'param embed: f32[V, D]',
      `param kinds: f32[${kinds}, D]  /// Kinds of tokens, of which all are the first.`,
      `var h = ${norm.call('take(embed, tokens) + kinds[0]', 'embed_norm')}`,
      '',
      'repeat layers[i] in 0..L {',
      ...added(attention, 'attention', residual),
      ...added(feedForward, feedForward.label, residual),
      '}',
      '',
      'output hidden: f32[B, S, D] = h  /// The hidden states of the last layer.',
    ],
    weights: {
      embed: names.embedding,
      kinds: names.kinds,
      ...norm.weights('embed_norm', names.embeddingNorm),
      ...inLayers(
        {
          ...attention.weights,
          ...norm.weights('attention_norm', names.attentionNorm),
          ...feedForward.weights,
          ...norm.weights(`${feedForward.label}_norm`, names.feedForwardNorm),
        },
        names.layer,
      ),
    },
  })
  return { text, tie: null }
}
