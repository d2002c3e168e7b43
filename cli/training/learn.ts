/** `train --learn`: what a model without a `train` block learns, and how. */
import { InvalidArgumentError, Option, type Command } from 'commander'
import { EXIT, Failure } from '../exit.ts'
import type { BlockSettings } from './block.ts'
import { wholeFrom } from './spec.ts'

export interface LearnOptions {
  readonly learn?: readonly string[]
  readonly teacher?: string
  readonly temperature?: number
  readonly rate?: number
  readonly batch?: number
  readonly context?: number
  readonly deadline?: number
  readonly start: Start
}

/** What the rows of routers begin as. */
const STARTS = ['old', 'spectral'] as const
export type Start = (typeof STARTS)[number]

const DEFAULTS = { temperature: 1, rate: 1e-4, batch: 4, context: 128 } as const

/** Every weight: no statement says more. */
const ALL = '*'

/** The block that is asked for; null where none is. Throws a Failure for settings of a block without `--learn`. */
export function blockOf(options: LearnOptions): BlockSettings | null {
  const { learn, teacher, temperature, rate, batch, context } = options
  if (learn === undefined) {
    const alone = Object.entries({ temperature, rate, batch, context }).find(([, value]) => value !== undefined)
    if (alone === undefined) return null
    throw new Failure(
      EXIT.usage,
      `--${alone[0]} is a setting of the block that --learn makes`,
      'a `train { ... }` block in the spec has its own',
    )
  }
  if (temperature !== undefined && teacher === undefined)
    throw new Failure(EXIT.usage, '--temperature divides the logits of a teacher, and there is none', 'name one with --teacher')
  return {
    learn: learn.includes(ALL) ? [] : learn,
    hasTeacher: teacher !== undefined,
    temperature: temperature ?? DEFAULTS.temperature,
    rate: rate ?? DEFAULTS.rate,
    batch: batch ?? DEFAULTS.batch,
    context: context ?? DEFAULTS.context,
  }
}

function above0(text: string): number {
  const value = Number(text)
  if (Number.isFinite(value) && value > 0) return value
  throw new InvalidArgumentError('a number above 0.')
}

export const addLearnOptions = (command: Command): Command =>
  command
    .option(
      '--learn <what...>',
      "for a model without a `train` block: the weights that learn, by a label of their paths, such as router, or by a pattern; '*' for all; 'lora(rank = 8) on experts' for low-rank pairs beside them",
    )
    .addOption(new Option('--rate <r>', `learning rate of --learn (default: ${DEFAULTS.rate})`).argParser(above0))
    .addOption(
      new Option('--batch <n>', `sequences of a micro-batch of --learn (default: ${DEFAULTS.batch})`).argParser(wholeFrom(1)),
    )
    .addOption(
      new Option('--context <n>', `tokens of a sequence of --learn (default: ${DEFAULTS.context})`).argParser(wholeFrom(1)),
    )
    .addOption(
      new Option('--temperature <t>', `temperature of the distillation of --learn (default: ${DEFAULTS.temperature})`).argParser(
        above0,
      ),
    )
    .addOption(
      new Option('--start <rows>', 'what routers begin as: the rows of the weights, or those of SSMoE, made of the experts')
        .choices(STARTS)
        .default('old')
        .conflicts('resume'),
    )
    .option(
      '--deadline <seconds>',
      'how long the tokenizer may take to open, and for each mebibyte of text (30)',
      (text) => 1000 * Number(text),
    )
