/** `smoe generate DIR|SPEC PROMPT`: the text that a language model continues a prompt with. */
import { Option, type Command } from 'commander'
import { NotFiniteLogits } from '../../analysis/eval/evaluate.ts'
import type { Sampling } from '../../generation/sampling.ts'
import {
  formatOption,
  modelOption,
  rootOption,
  setOption,
  type CommandModule,
  type Context,
  type FormatOption,
} from '../command.ts'
import type { SpecOptions } from '../compilation.ts'
import { deviceOption, fastOption, openUnlessReference, threadsOption, type DeviceOptions } from '../device.ts'
import { opener, type OpenModel } from '../eval/place.ts'
import { EXIT, Failure, type ExitCode } from '../exit.ts'
import { answer, type Answer } from '../generate/answer.ts'
import { endTokens } from '../generate/ends.ts'
import { checkPromptOptions, readPrompt, type Prompt, type PromptOptions } from '../generate/prompt.ts'
import { routingText, summaryText } from '../generate/report.ts'
import { isFolder } from '../model-source.ts'
import { writeJson } from '../output.ts'
import { weightsAsOption, type WeightFormatOptions } from '../run/weight-formats.ts'
import type { Terminal } from '../terminal.ts'

interface Options extends SpecOptions, FormatOption, DeviceOptions, PromptOptions, WeightFormatOptions {
  readonly weights?: string
  readonly maxTokens: number
  readonly temperature: number
  readonly topK?: number
  readonly topP?: number
  readonly minP?: number
  readonly repetitionPenalty: number
  readonly seed: number
  readonly stop?: readonly string[]
  readonly ignoreEnd?: boolean
  readonly showRouting?: boolean
}

/** Throws a Failure for choices among drawn tokens where none is drawn. */
function samplingOf({ temperature, topK, topP, minP, repetitionPenalty }: Options): Sampling {
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

/** Throws a Failure for a token that the model does not have. */
function checkPrompt({ tokens }: Prompt, { name, ports }: OpenModel): void {
  const stray = tokens.findIndex((id) => id < 0 || id >= ports.vocabulary)
  if (stray >= 0)
    throw new Failure(EXIT.usage, `token ${stray} of the prompt is ${tokens[stray]}, and ${name} has ${ports.vocabulary} tokens`)
}

async function continued(model: OpenModel, prompt: Prompt, ends: ReadonlySet<number>, options: Options, terminal: Terminal) {
  checkPrompt(prompt, model)
  const { seed, maxTokens, stop = [], format } = options
  if (stop.length > 0 && prompt.decode === null)
    throw new Failure(EXIT.usage, '--stop needs text, and only tokens are known: there is no tokenizer beside the weights')
  const request = { prompt: prompt.tokens, predict: model.predict, sampling: samplingOf(options), seed, maxTokens, ends }
  const tell = format === 'json' ? (): void => {} : terminal.out
  try {
    return await answer(request, prompt.decode, stop, tell)
  } catch (problem) {
    throw problem instanceof NotFiniteLogits ? new Failure(EXIT.numbersDiffer, problem.message) : problem
  }
}

const reportOf = (model: string, adapter: string, prompt: Prompt, { tokens, text, end, times }: Answer) => ({
  model,
  adapter,
  prompt: { ids: [...prompt.tokens], text: prompt.decode?.([...prompt.tokens]) ?? null },
  answer: { ids: tokens.map(({ id }) => id), text, logProbabilities: tokens.map((token) => token.logProbability) },
  end,
  milliseconds: times,
  routing: tokens.map(({ layers }) => Object.fromEntries(layers.map(({ name, experts }) => [name, experts]))),
})

function tell(model: string, adapter: string, prompt: Prompt, found: Answer, options: Options, terminal: Terminal): void {
  if (options.format === 'json') {
    writeJson(terminal, reportOf(model, adapter, prompt, found))
    return
  }
  terminal.out(prompt.decode === null ? `${found.tokens.map(({ id }) => id).join(' ')}\n` : '\n')
  if (options.showRouting === true) terminal.out(`\n${routingText(found, prompt.decode)}`)
  terminal.err(summaryText(prompt.tokens.length, found))
}

async function generateText(typed: string, text: string | undefined, options: Options, terminal: Terminal): Promise<ExitCode> {
  checkPromptOptions(text, options)
  samplingOf(options)
  const { weights: given, weightsAs, model, set, root } = options
  const isSpec = !isFolder(typed, terminal)
  const weights = given ?? (isSpec ? undefined : typed)
  // what is refused of the files is told before a device is opened
  const prompt = await readPrompt(text, options, weights, typed, terminal)
  const ends = options.ignoreEnd === true ? new Set<number>() : endTokens(weights, terminal)
  const device = await openUnlessReference(options, terminal)
  try {
    const spec: SpecOptions = isSpec ? { model, set, root } : { set: [] }
    return await opener(device, terminal)({ typed, weights: given, weightsAs, spec }, async (open) => {
      const found = await continued(open, prompt, ends, options, terminal)
      tell(open.name, device?.choice.name ?? 'the reference, f64 on the CPU', prompt, found, options, terminal)
      return EXIT.ok
    })
  } finally {
    device?.dispose()
  }
}

const number =
  (what: string, isValid: (value: number) => boolean, range: string) =>
  (text: string): number => {
    const value = text.trim() === '' ? NaN : Number(text)
    if (isValid(value)) return value
    throw new Failure(EXIT.usage, `'${text}' is not a valid ${what}`, `write ${range}`)
  }

const whole = (what: string, least: number): ((text: string) => number) =>
  number(what, (value) => Number.isSafeInteger(value) && value >= least && value < 2 ** 31, `a whole number from ${least} on`)

const share = (what: string): ((text: string) => number) =>
  number(what, (value) => value > 0 && value <= 1, 'a number above 0 and up to 1')

function stopText(value: string, earlier: readonly string[] = []): readonly string[] {
  if (value === '') throw new Failure(EXIT.usage, 'a stop is empty')
  return [...earlier, value]
}

export const generateCommand: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    command
      .argument('<model>', 'folder of a checkpoint, or a spec')
      .argument('[prompt]', 'the text to continue; the tokenizer is beside the weights')
      .option('--tokens <file:tensor>', 'token ids [S] or [1, S] of a .safetensors or .npy file, in the place of a prompt')
      .option('--weights <path>', 'the weights of a spec, or of a folder that has them elsewhere')
      .addOption(weightsAsOption())
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
      .option('--ignore-end', "goes on after the model's end token")
      .option('--show-routing', 'which experts predicted each token')
      .addOption(deviceOption(', reference (f64, slow)'))
      .addOption(threadsOption())
      .addOption(fastOption())
      .addOption(modelOption())
      .addOption(rootOption())
      .addOption(setOption())
      .addOption(formatOption())
      .action(run((typed: string, text: string | undefined, options: Options) => generateText(typed, text, options, terminal))),
}
