/** The options of how an answer is made. */
import { Option, type Command } from 'commander'
import type { Sampling } from '../../generation/sampling.ts'
import { EXIT, Failure } from '../exit.ts'

export interface SamplingOptions {
  readonly maxTokens: number
  readonly temperature: number
  readonly topK?: number
  readonly topP?: number
  readonly minP?: number
  readonly repetitionPenalty: number
  readonly seed: number
  readonly stop?: readonly string[]
}

/** Throws a Failure for choices among drawn tokens where none is drawn. */
export function samplingOf({ temperature, topK, topP, minP, repetitionPenalty }: SamplingOptions): Sampling {
  const given = [topK === undefined ? '' : '--top-k', topP === undefined ? '' : '--top-p', minP === undefined ? '' : '--min-p']
  const idle = given.filter((name) => name !== '')
  if (temperature === 0 && idle.length > 0)
    throw new Failure(
      EXIT.usage,
      `${idle.join(', ')} without a temperature: the most probable token is taken, and none is drawn`,
      'write --temperature 1 as well',
    )
  return { temperature, topK: topK ?? null, topP: topP ?? null, minP: minP ?? null, repetitionPenalty }
}

const number =
  (what: string, isValid: (value: number) => boolean, range: string) =>
  (text: string): number => {
    const value = text.trim() === '' ? NaN : Number(text)
    if (isValid(value)) return value
    throw new Failure(EXIT.usage, `'${text}' is not a valid ${what}`, `write ${range}`)
  }

/** Reads an option that is a whole number from `least` on. Throws a Failure. */
export const whole = (what: string, least: number): ((text: string) => number) =>
  number(what, (value) => Number.isSafeInteger(value) && value >= least && value < 2 ** 31, `a whole number from ${least} on`)

const share = (what: string): ((text: string) => number) =>
  number(what, (value) => value > 0 && value <= 1, 'a number above 0 and up to 1')

function stopText(value: string, earlier: readonly string[] = []): readonly string[] {
  if (value === '') throw new Failure(EXIT.usage, 'a stop is empty')
  return [...earlier, value]
}

export const addSamplingOptions = (command: Command): Command =>
  command
    .addOption(new Option('--max-tokens <n>', 'most tokens of the answer').argParser(whole('number of tokens', 0)).default(128))
    .addOption(
      new Option('--temperature <t>', 'divides the logits of what is drawn; 0 takes the most probable token')
        .argParser(number('temperature', (value) => value >= 0 && value <= 100, 'a number from 0 to 100'))
        .default(0),
    )
    .addOption(new Option('--top-k <k>', 'draws from the k most probable tokens').argParser(whole('number of tokens', 1)))
    .addOption(
      new Option('--top-p <p>', 'draws from the fewest tokens whose probabilities reach p').argParser(share('probability')),
    )
    .addOption(
      new Option('--min-p <p>', 'draws from tokens of at least p times the largest probability').argParser(share('share')),
    )
    .addOption(
      new Option('--repetition-penalty <r>', 'divides positive logits of tokens that were there, and multiplies negative ones')
        .argParser(number('penalty', (value) => value > 0 && value <= 100, 'a number above 0 and up to 100'))
        .default(1),
    )
    .addOption(new Option('--seed <n>', 'of what is drawn').argParser(whole('seed', 0)).default(0))
    .addOption(new Option('--stop <text>', 'ends the answer before this text; more than once for several').argParser(stopText))
