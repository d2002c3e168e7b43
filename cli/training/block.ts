/** The `train` block of a model that has none, as `--learn` and `--teacher` ask for it, as text of the language. */
import type { Declaration, File } from '../../grammar/ast.ts'
import { parse } from '../../grammar/parse.ts'
import { print } from '../../grammar/print.ts'
import type { Source } from '../../grammar/source.ts'
import type { Model, InputTerm, Output } from '../../compiler/model/model.ts'
import { constantValue, symbolsOf, type Dim } from '../../plan/dim.ts'
import { TEACHER } from '../../training/teacher.ts'
import { EXIT, Failure } from '../exit.ts'
import { realText } from '../import/write.ts'

export interface BlockSettings {
  /** Names and patterns of `learns`; every weight trains where there is none. */
  readonly learn: readonly string[]
  /** Whether the loss is the divergence from a teacher; else the cross-entropy of the next token. */
  readonly hasTeacher: boolean
  /** Of the distillation. */
  readonly temperature: number
  /** Learning rate. */
  readonly rate: number
  /** Sequences of a micro-batch, and tokens of each. */
  readonly batch: number
  readonly context: number
}

const isOpen = (size: Dim): boolean => constantValue(size) === undefined
const sameShape = (left: readonly Dim[], right: readonly Dim[]): boolean =>
  left.length === right.length && left.every((size, axis) => size === right[axis] || textOf(size) === textOf(right[axis]))

/** `B`, or a number. */
const textOf = (size: Dim): string => String(constantValue(size) ?? symbolsOf(size).join(' '))
const typeOf = (dtype: string, shape: readonly Dim[]): string => `${dtype}[${shape.map(textOf).join(', ')}]`

interface Ports {
  readonly tokens: InputTerm
  readonly logits: Output
}

/** Throws a Failure for what is no language model of sequences. */
function portsOf({ name, inputs, outputs }: Model): Ports {
  const [tokens] = inputs
  const isSequences = inputs.length === 1 && tokens.dtype === 'i32' && tokens.shape.length === 2
  const logits = isSequences
    ? outputs.filter(({ term: { dtype, shape } }) => dtype === 'f32' && sameShape(shape.slice(0, -1), tokens.shape))
    : []
  if (logits.length === 1) return { tokens, logits: logits[0] }
  throw new Failure(
    EXIT.usage,
    `${name} is not a language model of sequences: it has no i32[B, S] of tokens and f32[B, S, V] of logits`,
    'a `train { ... }` block in the spec says what other models learn from',
  )
}

const selection = (typed: string): string => (/^[A-Za-z_]\w*$/.test(typed) ? typed : JSON.stringify(typed))

/** A low-rank pair is a statement of its own: `lora(rank = 8) on experts`. */
const isPair = (typed: string): boolean => /^lora\s*\(/.test(typed)

function learnsOf(learn: readonly string[]): readonly string[] {
  const own = learn.filter((typed) => !isPair(typed))
  return [
    ...(own.length === 0 ? [] : [`learns ${own.map(selection).join(', ')}`]),
    ...learn.filter(isPair).map((typed) => `learns ${typed}`),
  ]
}

/** A statement each, as they stand in the block. */
function statementsOf(model: Model, { learn, hasTeacher, temperature, rate, batch, context }: BlockSettings): readonly string[] {
  const { tokens, logits } = portsOf(model)
  const targets = `input targets: ${typeOf('i32', tokens.shape)}`
  const next = `cross_entropy(${logits.name}, targets)`
  const losses = hasTeacher
    ? [
        targets,
        `input ${TEACHER}: ${typeOf('f32', logits.term.shape)}`,
        `loss distilled = distillation(${logits.name}, ${TEACHER}, ${realText(temperature)})`,
        `metric next = ${next}`,
      ]
    : [targets, `loss next = ${next}`]
  const sizes = tokens.shape.flatMap((size, axis) => (isOpen(size) ? [`${textOf(size)} = ${axis === 0 ? batch : context}`] : []))
  return [
    ...losses,
    `metric accuracy = accuracy(${logits.name}, targets)`,
    `optimiser adamw(rate = ${realText(rate)}, decay = 0.0)`,
    'schedule cosine()',
    'clip 1.0',
    ...(sizes.length === 0 ? [] : [`batch ${sizes.join(', ')}`]),
    ...learnsOf(learn),
  ]
}

const DISTILLATION = 'import { distillation } from "std/losses/distillation"'

function declarationOf({ declarations }: File, { name }: Model): Declaration {
  const found = declarations.find(({ declares, name: own }) => declares === 'model' && own.text === name)
  if (found === undefined) throw new Error(`no declaration of the model ${name}`)
  return found
}

/**
 * The source with a `train` block in its model, which has none, formatted. Throws a Failure for a model without tokens and
 * logits.
 */
export function withTrainBlock(source: Source, file: File, model: Model, settings: BlockSettings): Source {
  const { span } = declarationOf(file, model)
  const end = span.end - 1
  const block = ['train {', ...statementsOf(model, settings), '}'].join('\n')
  const { text } = source
  const made = `${settings.hasTeacher ? `${DISTILLATION}\n` : ''}${text.slice(0, end)}\n${block}\n${text.slice(end)}`
  return { path: source.path, text: print(parse({ path: source.path, text: made }).file) }
}
