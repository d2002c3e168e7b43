/** `smoe chat DIR`: a conversation with a language model that was trained for one. */
import { Option, type Command } from 'commander'
import type { ChatTemplate, Message } from '../../text/chat/template.ts'
import type { Decode } from '../../text/decoder/open.ts'
import type { Tokenizer } from '../../text/tokenizer/open.ts'
import { withChatTemplate } from '../chat/template.ts'
import type { SpecOptions } from '../checking.ts'
import { setOption, type CommandModule, type Context } from '../command.ts'
import { deviceOption, fastOption, openUnlessReference, threadsOption, type DeviceOptions } from '../device.ts'
import { continuer, type ContinuedModel } from '../model/open.ts'
import { EXIT, Failure, type ExitCode } from '../exit.ts'
import { answer, notFinite } from '../generate/answer.ts'
import { endTokens } from '../generate/ends.ts'
import { summaryText } from '../generate/report.ts'
import { addSamplingOptions, samplingOf, whole, type SamplingOptions } from '../generate/sampling-options.ts'
import { withoutExpertOption, type MaskOption } from '../model/masked.ts'
import { isFolder } from '../model/source.ts'
import { readDecoder, withTokenizer } from '../run/tokenizer.ts'
import { tokenizerPath } from '../run/tokenizer-path.ts'
import { weightsAsOption, type WeightFormatOptions } from '../run/weight-formats.ts'
import type { Terminal } from '../terminal.ts'

interface Options extends DeviceOptions, MaskOption, Pick<SpecOptions, 'set'>, WeightFormatOptions, SamplingOptions {
  readonly system?: string
  readonly context: number
}

interface Chat {
  readonly model: ContinuedModel
  readonly template: Pick<ChatTemplate, 'render'>
  readonly tokenizer: Tokenizer
  readonly decode: Decode
  readonly ends: ReadonlySet<number>
}

/** Ctrl-C ends an answer, not the conversation. */
async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController()
  const onSignal = (): void => stop.abort()
  process.on('SIGINT', onSignal)
  try {
    return await work(stop.signal)
  } finally {
    process.removeListener('SIGINT', onSignal)
  }
}

/** The length of what two texts begin with alike. */
function commonLength(a: Int32Array, b: Int32Array): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) if (a[at] !== b[at]) return at
  return length
}

interface Told {
  readonly text: string
  /** The tokens that the model was given. */
  readonly given: Int32Array
}

/** The answer to a conversation, told as it comes; what it shares with the tokens given before is not evaluated again. */
async function answerTo(
  messages: readonly Message[],
  before: Int32Array,
  chat: Chat,
  options: Options,
  terminal: Terminal,
): Promise<Told> {
  const { model, template, tokenizer, decode, ends } = chat
  // the template has written the special tokens
  const prompt = await tokenizer.encode(await template.render(messages), false)
  const { seed, stop = [], context } = options
  const maxTokens = Math.min(options.maxTokens, context - prompt.length)
  if (maxTokens < 1)
    throw new Failure(
      EXIT.usage,
      `the conversation has ${prompt.length} tokens, and ${context} are kept`,
      'give a larger --context, or begin anew',
    )
  // the last token is evaluated in any case: it predicts the first one of the answer
  const given = model.sequence.goBack(Math.min(commonLength(before, prompt), prompt.length - 1))
  const found = await interruptible((signal) =>
    notFinite(
      answer(
        { prompt, given, model: model.sequence.give, sampling: samplingOf(options), seed, maxTokens, ends, signal },
        decode,
        stop,
        terminal.out,
      ),
    ),
  )
  terminal.out('\n')
  terminal.err(summaryText(prompt.length, found))
  // the last token was chosen, and the model was not given it
  const answered = found.tokens.map(({ id }) => id).slice(0, -1)
  return { text: found.text ?? '', given: Int32Array.from([...prompt, ...answered]) }
}

async function converse(chat: Chat, options: Options, terminal: Terminal): Promise<ExitCode> {
  let messages: readonly Message[] = options.system === undefined ? [] : [{ role: 'system', content: options.system }]
  let given: Int32Array = new Int32Array(0)
  for await (const content of terminal.lines('> ')) {
    if (content.trim() === '') continue
    messages = [...messages, { role: 'user', content }]
    const told = await answerTo(messages, given, chat, options, terminal)
    given = told.given
    messages = [...messages, { role: 'assistant', content: told.text }]
  }
  return EXIT.ok
}

async function chatWith(folder: string, options: Options, terminal: Terminal): Promise<ExitCode> {
  samplingOf(options)
  if (!isFolder(folder, terminal)) throw new Failure(EXIT.usage, `'${folder}' is not the folder of a checkpoint`)
  const path = tokenizerPath(folder, terminal)
  if (path === null) throw new Failure(EXIT.usage, `'${folder}' has no tokenizer.json`)
  const [decode, ends] = [readDecoder(path, terminal), endTokens(folder, terminal)]
  return withChatTemplate(folder, terminal, (template) =>
    withTokenizer(path, undefined, terminal, async (tokenizer) => {
      const device = await openUnlessReference(options, terminal)
      try {
        const { weightsAs, withoutExpert, set } = options
        const opened = { typed: folder, weightsAs, withoutExpert, spec: { set } }
        return await continuer(device, terminal)(opened, options.context, (model) =>
          converse({ model, template, tokenizer, decode, ends }, options, terminal),
        )
      } finally {
        device?.dispose()
      }
    }),
  )
}

export const chat: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    addSamplingOptions(command)
      .argument('<folder>', 'folder of a checkpoint, with its tokenizer and chat template')
      .option('--system <text>', 'what the model is told first')
      .addOption(
        new Option('--context <n>', 'tokens of the conversation that are kept at most')
          .argParser(whole('number of tokens', 1))
          .default(4096),
      )
      .addOption(weightsAsOption())
      .addOption(withoutExpertOption())
      .addOption(setOption())
      .addOption(deviceOption(', reference (f64, slow)'))
      .addOption(threadsOption())
      .addOption(fastOption())
      .action(run((folder: string, options: Options) => chatWith(folder, options, terminal))),
}
