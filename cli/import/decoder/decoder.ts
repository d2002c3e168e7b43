/** The spec of a decoder: embedding, layers of attention and feed-forward network, norm, head. */
import { printedWidth } from '../../../grammar/print.ts'
import { ggufWeights } from '../gguf/names.ts'
import type { GgufSettings } from '../gguf/settings.ts'
import { mergedImports, type Context, type Make, type Sublayer, type Weights } from '../part.ts'
import type { Row, RowSpec, SpecOptions } from '../row.ts'
import { intParameter, mergedParameters } from '../parameter.ts'
import { realText, writeModel } from '../write.ts'
import type { Fields } from '../fields.ts'
import { refuseVariants } from './variants.ts'
import { PLAIN, type Multipliers } from './multipliers.ts'
import { rmsNorm, type Norm } from './norm.ts'

/** Names of what every decoder has, in checkpoint and config. */
export interface DecoderNames {
  readonly embedding: string
  readonly head: string
  readonly finalNorm: string
  /** What leads to a layer; `{i}` is its index. */
  readonly layer: string
  readonly attentionNorm: string
  readonly feedForwardNorm: string
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
  /** Whether a sublayer hears the normed residual stream, or its output is normed before it is added. */
  readonly norms?: 'before' | 'after'
  readonly names?: Partial<DecoderNames>
  readonly multipliers?: Make<Multipliers>
  /** Whether the head has a bias. */
  readonly headBias?: Make<boolean>
}

interface Made {
  readonly norm: Norm
  readonly isAfter: boolean
  readonly multipliers: Multipliers
}

const factor = (value: number): string => (value === 1 ? '' : `${realText(value)} * `)

/** Statements that add a sublayer to the residual stream `h`; an expression that is too long for a line gets a name first. */
function added(sublayer: Sublayer, label: string, { norm, isAfter, multipliers }: Made): readonly string[] {
  const normLabel = `${label}_norm`
  const scale = factor(multipliers.residual)
  const statements = sublayer.before ?? []
  if (isAfter) {
    const [first, ...rest] = sublayer.lines('h')
    const name = label === 'attention' ? 'heard' : 'answer'
    return [...statements, `let ${name} = ${first}`, ...rest, `h = h + ${scale}${norm.call(name, normLabel)}`]
  }
  const normed = norm.call('h', normLabel)
  const name = label === 'attention' ? 'normed' : 'normed_again'
  const [named, input] = sublayer.namesInput ? [[`let ${name} = ${normed}`], name] : [[], normed]
  const before = [...statements, ...named]
  const [first, ...rest] = sublayer.lines(input)
  const fits = rest.length > 0 ? scale === '' : 4 + `h = h + ${scale}${first}`.length <= printedWidth
  if (fits && !sublayer.isChoice) return [...before, `h = h + ${scale}${first}`, ...rest]
  const result = label === 'attention' ? 'heard' : 'answer'
  return [...before, `let ${result} = ${first}`, ...rest, `h = h + ${scale}${result}`]
}

/** Adds what leads to a layer to each path and each name. */
const inLayers = (weights: Weights, layer: string): Weights =>
  Object.fromEntries(Object.entries(weights).map(([path, source]) => [`layers.{i}.${path}`, `${layer}.${source}`]))

/** The names of the file: those of the hub, or of GGUF. */
function inFile(weights: Weights, fields: Fields, gguf: GgufSettings | undefined): Weights {
  if (gguf === undefined) return weights
  const { weights: named, unnamed } = ggufWeights(weights, gguf.norms)
  for (const path of unnamed) fields.refuse(`'${path}' has no name in GGUF files that is known`)
  return named
}

const readMultipliers = (parts: DecoderParts, context: Context): Multipliers => parts.multipliers?.(context) ?? PLAIN

/** A row of the table that is a decoder of these parts. */
export const decoderRow = ({ parts, ...row }: Omit<Row, 'spec'> & { readonly parts: DecoderParts }): Row => ({
  ...row,
  spec: (fields, options) => decoderSpec(parts, fields, options),
})

/** The most layers that a spec may repeat. */
const MOST_LAYERS = 65_536

function readLayers(fields: Fields, name: string): number {
  const layers = fields.count(name, 'the parameter L')
  if (layers <= MOST_LAYERS) return layers
  fields.refuseValue(name, `more than ${MOST_LAYERS} layers are not supported`)
  return 1
}

function decoderSpec(
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
  const made: Made = {
    norm: (parts.norm ?? rmsNorm())(context),
    isAfter: parts.norms === 'after',
    multipliers: readMultipliers(parts, context),
  }
  const { norm, multipliers } = made
  const lastNorm = parts.lastNorm?.(context) ?? norm
  const [attention, feedForward] = [parts.attention(context), parts.feedForward(context)]
  const isTied = fields.flag('tie_word_embeddings', 'whether the head is the embedding', false)
  const hasBias = parts.headBias?.(context) === true
  const head = isTied ? 'embed' : 'head'
  const logits = [lastNorm.call('h', 'final_norm'), `@ ${head}.T`, ...(hasBias ? ['+ head_bias'] : [])].join(' ')
  const text = writeModel({
    name,
    doc,
    imports: mergedImports([norm.imports, lastNorm.imports, attention.imports, feedForward.imports]),
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
      '/// Token ids, a sequence in each row.',
      'input tokens: i32[B, S]',
      '',
      'param embed: f32[V, D]',
      `var h = ${factor(multipliers.embedding)}take(embed, tokens)`,
      '',
      'repeat layers[i] in 0..L {',
      ...added(attention, 'attention', made).map((line) => `  ${line}`),
      ...added(feedForward, feedForward.label, made).map((line) => `  ${line}`),
      '}',
      '',
      ...(isTied ? [] : ['param head: f32[V, D]']),
      ...(hasBias ? ['param head_bias: f32[V]'] : []),
      '/// What the next token is, before a softmax.',
      `output logits: f32[B, S, V] = ${multipliers.logits === 1 ? logits : `(${logits}) / ${realText(multipliers.logits)}`}`,
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
            ...norm.weights(`${feedForward.label}_norm`, names.feedForwardNorm),
            ...feedForward.weights,
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
