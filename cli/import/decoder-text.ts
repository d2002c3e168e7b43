/** The spec of a pre-norm decoder: embedding, layers of attention and feed-forward, norm, head. */
import { printedWidth } from '../../grammar/print.ts'
import type { DecoderShape } from './decoder.ts'
import { ropeArguments, ropeParameters } from './rope.ts'
import { writeModel, type ParameterText } from './write.ts'

export interface DecoderParts {
  readonly name: string
  readonly doc: string
  readonly imports: Readonly<Record<string, string>>
  /** Beside those of every decoder. */
  readonly parameters: readonly ParameterText[]
  /** Named arguments of the attention, beside heads, groups and theta. */
  readonly attention: readonly string[]
  /** An expression of the normed residual stream, given as text. */
  readonly feedForward: (normed: string) => readonly string[]
  readonly feedForwardNorm: string
  /** Weights inside a layer: path -> name, both without what leads to the layer. */
  readonly layerWeights: Readonly<Record<string, string>>
}

/** Names of embedding, final norm and head in checkpoints of these architectures. */
export const EMBEDDING = 'model.embed_tokens.weight'
export const HEAD = 'lm_head.weight'

const size = (name: string, value: number, doc: string, range = '1..'): ParameterText => ({
  name,
  type: 'int',
  range,
  value,
  doc,
})
const real = (name: string, value: number, doc: string): ParameterText => ({ name, type: 'real', range: '', value, doc })

function parametersOf(shape: DecoderShape, extra: readonly ParameterText[]): readonly ParameterText[] {
  return [
    size('V', shape.vocabulary, 'Vocabulary.'),
    size('D', shape.width, 'Width of the residual stream.'),
    size('F', shape.hidden, 'Width inside a feed-forward network.'),
    size('L', shape.layers, 'Layers.'),
    size('H', shape.heads, 'Heads of the attention.'),
    size('G', shape.groups, 'Groups of heads that share a key and a value.', '1..H'),
    ...(shape.headSize === null ? [] : [size('C', shape.headSize, 'Size of a head.')]),
    ...extra,
    real('eps', shape.eps, 'Added to the mean square in the norms.'),
    ...ropeParameters(shape.rope),
  ]
}

/** A call added to the residual stream; one that is too long for a line gets a name first. */
const added = (call: string): readonly string[] =>
  4 + `h = h + ${call}`.length <= printedWidth ? [`h = h + ${call}`] : [`let heard = ${call}`, 'h = h + heard']

export function writeDecoder(shape: DecoderShape, parts: DecoderParts): string {
  const headSize = shape.headSize === null ? [] : ['C = C']
  const direction = shape.isCausal ? [] : ['bidirectional = true']
  const attention = ['heads = H', 'groups = G', ...headSize, ...ropeArguments(shape.rope), ...direction, ...parts.attention].join(
    ', ',
  )
  const layerWeights = Object.entries(parts.layerWeights).map(([path, name]) => [
    `layers.{i}.${path}`,
    `model.layers.{i}.${name}`,
  ])
  return writeModel({
    name: parts.name,
    doc: parts.doc,
    imports: { 'blocks/attention': 'attention', 'blocks/norm': 'rms_norm', ...parts.imports },
    parameters: parametersOf(shape, parts.parameters),
    body: [
      '/// Token ids, a sequence in each row.',
      'input tokens: i32[B, S]',
      '',
      'param embed: f32[V, D]',
      'var h = take(embed, tokens)',
      '',
      'repeat layers[i] in 0..L {',
      '  let normed = rms_norm(h, eps = eps) as attention_norm',
      ...added(`attention(normed, ${attention})`).map((line) => `  ${line}`),
      ...parts.feedForward(`rms_norm(h, eps = eps) as ${parts.feedForwardNorm}`).map((line) => `  ${line}`),
      '}',
      '',
      ...(shape.isTied ? [] : ['param head: f32[V, D]']),
      '/// What the next token is, before a softmax.',
      `output logits: f32[B, S, V] = rms_norm(h, eps = eps) as final_norm @ ${shape.isTied ? 'embed' : 'head'}.T`,
    ],
    weights: {
      embed: EMBEDDING,
      ...(shape.isTied ? {} : { head: HEAD }),
      'final_norm.weight': 'model.norm.weight',
      ...Object.fromEntries(layerWeights),
    },
  })
}

/** The arguments of an attention with biases everywhere. */
export const biasArguments: readonly string[] = ['biases = true', 'output_bias = true']

/** Weights of the attention and of the norm before it, named alike in all of these architectures. */
export const attentionWeights = ({ hasBias }: { readonly hasBias: boolean }): Readonly<Record<string, string>> => ({
  'attention_norm.weight': 'input_layernorm.weight',
  ...Object.fromEntries(['q', 'k', 'v', 'o'].map((name) => [`attention.${name}`, `self_attn.${name}_proj.weight`])),
  ...(hasBias
    ? Object.fromEntries(['q', 'k', 'v', 'o'].map((name) => [`attention.${name}_bias`, `self_attn.${name}_proj.bias`]))
    : {}),
})
