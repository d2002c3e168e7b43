/** A model that was changed beside the original, on the same texts. */
import { Option, type Command } from 'commander'
import { evaluateTexts, type Evaluation, type Text } from '../../analysis/eval/evaluate.ts'
import type { Device } from '../../runtime/device.ts'
import { EXIT, Failure } from '../exit.ts'
import { opener, type GivenModel } from '../model/open.ts'
import { isCheckpoint } from '../model/source.ts'
import { table } from '../output.ts'
import type { Terminal } from '../terminal.ts'
import { checkTextOptions, readTexts, readTokens, type TextOptions } from './texts.ts'

/** Texts, and a place to run models on; the reference where it is null. */
export interface OnTexts {
  readonly texts: readonly Text[]
  readonly device: Device | null
}

export const hasText = ({ text = [], tokens }: TextOptions): boolean => text.length > 0 || tokens !== undefined

/** The texts for a model, of which the tokenizer is in its folder or beside its weights. Throws a Failure. */
export async function textsFor(
  typed: string,
  options: TextOptions & { readonly weights?: string },
  terminal: Terminal,
): Promise<readonly Text[]> {
  const { text = [], tokens, weights, deadline } = options
  checkTextOptions(options)
  if (tokens !== undefined) return readTokens(tokens, { model: 'the model' }, terminal)
  return readTexts(text, isCheckpoint(typed, terminal) ? typed : (weights ?? null), deadline, terminal)
}

/** The changed model on the texts, with the original beside it. */
export async function compareWithOriginal(
  changed: Pick<GivenModel, 'typed' | 'weights'>,
  original: GivenModel,
  { texts, device }: OnTexts,
  context: number,
  terminal: Terminal,
): Promise<Evaluation> {
  const withModel = opener(device, terminal)
  return withModel({ ...changed, weightsAs: 'shipped', spec: { set: [] } }, (own) =>
    withModel(original, (other) =>
      evaluateTexts({ texts, context, stride: context, predict: own.predict, other: other.predict }),
    ),
  )
}

export const comparisonJson = (evaluation: Evaluation | null): unknown => {
  if (evaluation?.other == null) return null
  const { loss, perplexity, accuracy, scored, other } = evaluation
  return {
    predictions: scored,
    before: { loss: other.loss, perplexity: other.perplexity, accuracy: other.accuracy },
    after: { loss, perplexity, accuracy },
    agreement: other.agreement,
    divergence: other.divergence,
  }
}

/** Perplexity and accuracy before and after, agreement and divergence; empty without another model. */
export function comparisonText({ scored, perplexity, accuracy, other }: Evaluation): string {
  if (other === null) return ''
  const percent = (share: number): string => `${(100 * share).toFixed(2)} %`
  const rows = [
    ['', 'perplexity', 'top-1'],
    ['before', other.perplexity.toPrecision(6), percent(other.accuracy)],
    ['after', perplexity.toPrecision(6), percent(accuracy)],
  ]
  const agreed = `both put the same token first in ${percent(other.agreement)} of ${scored} predictions`
  return `\n${table(rows, '<>>')}${agreed}; KL ${other.divergence.toPrecision(4)} nats\n`
}

const several = (value: string, earlier: readonly string[] = []): readonly string[] => [...earlier, value]

function contextOf(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 2 && value <= 2 ** 24) return value
  throw new Failure(EXIT.usage, `'${text}' is not a context`, 'write a whole number from 2 on')
}

/** `--text`, `--tokens`, `--context` and `--deadline`. */
export const addTextOptions = (command: Command): Command =>
  command
    .addOption(
      new Option('--text <file...>', 'text in UTF-8, each file by itself; the tokenizer is beside the weights').argParser(
        several,
      ),
    )
    .option('--tokens <file:tensor>', 'token ids [S] or [N, S] of a .safetensors or .npy file, in the place of text')
    .addOption(
      new Option('--context <tokens>', 'most tokens of a window; windows do not overlap').argParser(contextOf).default(512),
    )
    .option(
      '--deadline <seconds>',
      'how long the tokenizer may take to open, and for each mebibyte of text (30)',
      (text) => 1000 * Number(text),
    )
