/** `smoe generate DIR|SPEC PROMPT`: the text that a language model continues a prompt with. */
import type { Command } from 'commander'
import {
  formatOption,
  modelOption,
  rootOption,
  setOption,
  type CommandModule,
  type Context,
  type FormatOption,
} from '../command.ts'
import type { SpecOptions } from '../checking.ts'
import { deviceOption, fastOption, openUnlessReference, threadsOption, type DeviceOptions } from '../device.ts'
import { continuer, type ContinuedModel } from '../model/open.ts'
import { EXIT, Failure, type ExitCode } from '../exit.ts'
import { answer, notFinite, type Answer } from '../generate/answer.ts'
import { endTokens } from '../generate/ends.ts'
import { checkPromptOptions, readPrompt, type Prompt, type PromptOptions } from '../generate/prompt.ts'
import { routingText, summaryText } from '../generate/report.ts'
import { addSamplingOptions, samplingOf, type SamplingOptions } from '../generate/sampling-options.ts'
import { withoutExpertOption, type MaskOption } from '../model/masked.ts'
import { isCheckpoint } from '../model/source.ts'
import { writeJson } from '../output.ts'
import { weightsAsOption, type WeightFormatOptions } from '../run/weight-formats.ts'
import type { Terminal } from '../terminal.ts'

interface Options
  extends SpecOptions, MaskOption, FormatOption, DeviceOptions, PromptOptions, WeightFormatOptions, SamplingOptions {
  readonly weights?: string
  readonly ignoreEnd?: boolean
  readonly showRouting?: boolean
}

/** Throws a Failure for a token that the model does not have. */
function checkPrompt({ tokens }: Prompt, { name, ports }: ContinuedModel): void {
  const stray = tokens.findIndex((id) => id < 0 || id >= ports.vocabulary)
  if (stray >= 0)
    throw new Failure(EXIT.usage, `token ${stray} of the prompt is ${tokens[stray]}, and ${name} has ${ports.vocabulary} tokens`)
}

async function continued(model: ContinuedModel, prompt: Prompt, ends: ReadonlySet<number>, options: Options, terminal: Terminal) {
  checkPrompt(prompt, model)
  const { seed, maxTokens, stop = [], format } = options
  if (stop.length > 0 && prompt.decode === null)
    throw new Failure(EXIT.usage, '--stop needs text, and only tokens are known: there is no tokenizer beside the weights')
  const request = { prompt: prompt.tokens, model: model.sequence.give, sampling: samplingOf(options), seed, maxTokens, ends }
  const tell = format === 'json' ? (): void => {} : terminal.out
  return notFinite(answer(request, prompt.decode, stop, tell))
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
  const { weights: given, weightsAs, withoutExpert, model, set, root } = options
  const weights = given ?? (isCheckpoint(typed, terminal) ? typed : undefined)
  // what is refused of the files is told before a device is opened
  const prompt = await readPrompt(text, options, weights, typed, terminal)
  const ends = options.ignoreEnd === true ? new Set<number>() : endTokens(weights, terminal)
  const device = await openUnlessReference(options, terminal)
  try {
    const longest = Math.max(1, prompt.tokens.length + options.maxTokens)
    return await continuer(device, terminal)(
      { typed, weights: given, weightsAs, withoutExpert, spec: { model, set, root } },
      longest,
      async (open) => {
        const found = await continued(open, prompt, ends, options, terminal)
        tell(open.name, device?.choice.name ?? 'the reference, f64 on the CPU', prompt, found, options, terminal)
        return EXIT.ok
      },
    )
  } finally {
    device?.dispose()
  }
}

export const generateCommand: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    addSamplingOptions(command)
      .argument('<model>', 'folder of a checkpoint, a GGUF file, or a spec')
      .argument('[prompt]', 'the text to continue; the tokenizer is beside the weights')
      .option('--tokens <file:tensor>', 'token ids [S] or [1, S] of a .safetensors or .npy file, in the place of a prompt')
      .option('--weights <path>', 'the weights of a spec, or of a folder that has them elsewhere')
      .addOption(weightsAsOption())
      .addOption(withoutExpertOption())
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
