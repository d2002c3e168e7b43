/** `smoe chat DIR`: a conversation with a language model that was trained for one. */
import type { Command } from 'commander'
import type { ChatTemplate, Message } from '../../text/chat/template.ts'
import type { Decode } from '../../text/decoder/open.ts'
import type { Tokenizer } from '../../text/tokenizer/open.ts'
import { withChatTemplate } from '../chat/template.ts'
import type { CommandModule, Context } from '../command.ts'
import { deviceOption, fastOption, openUnlessReference, threadsOption, type DeviceOptions } from '../device.ts'
import { opener, type OpenModel } from '../model/open.ts'
import { EXIT, Failure, type ExitCode } from '../exit.ts'
import { answer, notFinite } from '../generate/answer.ts'
import { endTokens } from '../generate/ends.ts'
import { summaryText } from '../generate/report.ts'
import { addSamplingOptions, samplingOf, type SamplingOptions } from '../generate/sampling-options.ts'
import { isFolder } from '../model/source.ts'
import { readDecoder, withTokenizer } from '../run/tokenizer.ts'
import { tokenizerPath } from '../run/tokenizer-path.ts'
import { weightsAsOption, type WeightFormatOptions } from '../run/weight-formats.ts'
import type { Terminal } from '../terminal.ts'

interface Options extends DeviceOptions, WeightFormatOptions, SamplingOptions {
  readonly system?: string
}

interface Chat {
  readonly model: OpenModel
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

/** The answer to a conversation, told as it comes. */
async function answerTo(messages: readonly Message[], chat: Chat, options: Options, terminal: Terminal): Promise<string> {
  const { model, template, tokenizer, decode, ends } = chat
  // the template has written the special tokens
  const prompt = await tokenizer.encode(await template.render(messages), false)
  const { seed, maxTokens, stop = [] } = options
  const found = await interruptible((signal) =>
    notFinite(
      answer(
        { prompt, predict: model.predict, sampling: samplingOf(options), seed, maxTokens, ends, signal },
        decode,
        stop,
        terminal.out,
      ),
    ),
  )
  terminal.out('\n')
  terminal.err(summaryText(prompt.length, found))
  return found.text ?? ''
}

async function converse(chat: Chat, options: Options, terminal: Terminal): Promise<ExitCode> {
  let messages: readonly Message[] = options.system === undefined ? [] : [{ role: 'system', content: options.system }]
  for await (const content of terminal.lines('> ')) {
    if (content.trim() === '') continue
    messages = [...messages, { role: 'user', content }]
    messages = [...messages, { role: 'assistant', content: await answerTo(messages, chat, options, terminal) }]
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
        return await opener(device, terminal)({ typed: folder, weightsAs: options.weightsAs, spec: { set: [] } }, (model) =>
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
      .addOption(weightsAsOption())
      .addOption(deviceOption(', reference (f64, slow)'))
      .addOption(threadsOption())
      .addOption(fastOption())
      .action(run((folder: string, options: Options) => chatWith(folder, options, terminal))),
}
