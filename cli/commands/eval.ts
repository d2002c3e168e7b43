/** `smoe eval DIR|SPEC --text FILE...`: how well a model predicts text, alone or beside another. */
import { Option, type Command } from 'commander'
import { evaluateTexts, NotFiniteLogits, type Evaluation, type Predict, type Text } from '../../analysis/eval/evaluate.ts'
import { textPieces } from '../../runtime/files/index.ts'
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
import { evalPage } from '../eval/page.ts'
import { opener, type GivenModel, type OpenModel, type WithModel } from '../model/open.ts'
import { evalText, type EvalReport } from '../eval/report.ts'
import { checkTextOptions, checkTokens, readTexts, readTokens, type TextOptions } from '../eval/texts.ts'
import { EXIT, Failure, type ExitCode } from '../exit.ts'
import { fileOf, writeTogether } from '../files.ts'
import { withoutExpertOption, type MaskOption } from '../model/masked.ts'
import { isCheckpoint } from '../model/source.ts'
import { writeJson } from '../output.ts'
import { keepApart } from '../overwriting.ts'
import { createProgress } from '../progress.ts'
import { weightsAsOption, type WeightFormatOptions } from '../run/weight-formats.ts'
import type { Terminal } from '../terminal.ts'
import { createStop, type Stop } from '../training/stop.ts'

interface Options extends SpecOptions, MaskOption, FormatOption, DeviceOptions, TextOptions, WeightFormatOptions {
  readonly weights?: string
  readonly to?: string
  readonly toWeights?: string
  readonly context: number
  readonly stride?: number
  readonly page?: string
}

function refuseOverwriting(
  typed: string,
  { page, text = [], weights, to, toWeights, tokens }: Options,
  terminal: Terminal,
): void {
  keepApart(
    [['--page', page]],
    [
      ['the model', typed],
      ['--to', to],
      ...text.map((path) => ['--text', path] as const),
      ['--weights', weights],
      ['--to-weights', toWeights],
      ['--tokens', tokens],
    ],
    terminal,
  )
}

/** The other model has the options of the spec where it is one too. */
const otherModel = ({ to, toWeights, weights, weightsAs, model, set, root }: Options, terminal: Terminal): GivenModel | null => {
  if (to === undefined) return null
  const isSpec = !isCheckpoint(to, terminal)
  return {
    typed: to,
    weights: toWeights ?? (isSpec ? weights : undefined),
    weightsAs,
    spec: isSpec ? { model, set, root } : { set: [] },
  }
}

function strideOf({ context, stride = context }: Options): number {
  if (stride <= context) return stride
  throw new Failure(
    EXIT.usage,
    `a stride of ${stride} leaves out tokens between windows of ${context}`,
    'it is at most the context',
  )
}

/** Throws a Failure where the other model has another vocabulary. */
function checkVocabularies(model: OpenModel, other: OpenModel): void {
  const [own, others] = [model.ports.vocabulary, other.ports.vocabulary]
  if (own !== others)
    throw new Failure(EXIT.usage, `${model.name} has ${own} tokens and ${other.name} ${others}: their predictions do not compare`)
}

async function measure(
  model: OpenModel,
  other: OpenModel | null,
  texts: readonly Text[],
  options: Options,
  stop: Stop,
  terminal: Terminal,
): Promise<Evaluation> {
  checkTokens(texts, model.ports.vocabulary, model.name)
  if (other !== null) checkVocabularies(model, other)
  const tokens = texts.reduce((sum, text) => sum + text.tokens.length, 0)
  const progress = createProgress(terminal, (done) => `${done} of ${tokens} tokens`, tokens)
  const predictOther: Predict | null = other?.predict ?? null
  try {
    return await evaluateTexts({
      texts,
      context: options.context,
      stride: strideOf(options),
      predict: model.predict,
      other: predictOther,
      onProgress: (done) => progress.update(done),
      signal: stop.signal,
    })
  } catch (problem) {
    throw problem instanceof NotFiniteLogits ? new Failure(EXIT.numbersDiffer, problem.message) : problem
  } finally {
    progress.end()
  }
}

async function evaluateModels(
  typed: string,
  texts: readonly Text[] | null,
  options: Options,
  withModel: WithModel,
  stop: Stop,
  terminal: Terminal,
): Promise<Omit<EvalReport, 'adapter'>> {
  const { weights, weightsAs, withoutExpert, model, set, root, context } = options
  const other = otherModel(options, terminal)
  return withModel({ typed, weights, weightsAs, withoutExpert, spec: { model, set, root } }, async (own) => {
    const given = texts ?? (await readTokens(options.tokens!, { model: own.name }, terminal))
    const report = async (beside: OpenModel | null): Promise<Omit<EvalReport, 'adapter'>> => ({
      model: own.name,
      to: beside?.name ?? null,
      context,
      stride: strideOf(options),
      texts: given.map(({ name, tokens, bytes }) => ({ name, tokens: tokens.length, bytes })),
      ...(await measure(own, beside, given, options, stop, terminal)),
    })
    return other === null ? report(null) : withModel(other, report)
  })
}

/** Two models of one name are told apart by what was typed. */
const named = (report: EvalReport, typed: string, to: string | undefined): EvalReport =>
  report.model === report.to && to !== undefined ? { ...report, model: typed, to } : report

async function evaluateModel(typed: string, options: Options, terminal: Terminal): Promise<ExitCode> {
  checkTextOptions(options)
  strideOf(options)
  refuseOverwriting(typed, options, terminal)
  const { text = [], weights, page, format, to, deadline } = options
  const beside = isCheckpoint(typed, terminal) ? typed : (weights ?? null)
  // a tokenizer that is refused is told before a device is opened
  const texts = text.length === 0 ? null : await readTexts(text, beside, deadline, terminal)
  const device = await openUnlessReference(options, terminal)
  const stop = createStop(terminal, 'window')
  try {
    const found = await evaluateModels(typed, texts, options, opener(device, terminal), stop, terminal)
    const report = named({ ...found, adapter: device?.choice.name ?? 'the reference, f64 on the CPU' }, typed, to)
    if (report.scored === 0) return stop.code()
    const outputs =
      page === undefined ? [] : [{ output: fileOf(page, textPieces(evalPage(report)), terminal), message: `wrote ${page}` }]
    await writeTogether(outputs, terminal)
    if (format === 'json') writeJson(terminal, report)
    else terminal.out(evalText(report))
    return stop.signal.aborted ? stop.code() : EXIT.ok
  } finally {
    stop.end()
    device?.dispose()
  }
}

const whole =
  (least: number, what: string) =>
  (text: string): number => {
    const value = Number(text)
    if (Number.isSafeInteger(value) && value >= least && value <= 2 ** 24) return value
    throw new Failure(EXIT.usage, `'${text}' is not a ${what}`, `write a whole number from ${least} on`)
  }

const seconds = (text: string): number => {
  const value = Number(text)
  if (value > 0 && value <= 86_400) return 1000 * value
  throw new Failure(EXIT.usage, `'${text}' is not a number of seconds`)
}

const several = (value: string, earlier: readonly string[] = []): readonly string[] => [...earlier, value]

export const evalCommand: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    command
      .argument('<model>', 'folder of a checkpoint, a GGUF file, or a spec')
      .addOption(
        new Option('--text <file...>', 'text in UTF-8, each file by itself; the tokenizer is beside the weights').argParser(
          several,
        ),
      )
      .option('--tokens <file:tensor>', 'token ids [S] or [N, S] of a .safetensors or .npy file, in the place of text')
      .option('--weights <path>', 'the weights of a spec, or of a folder that has them elsewhere')
      .addOption(weightsAsOption())
      .addOption(withoutExpertOption())
      .option('--to <model>', 'another model as the yardstick: agreement, KL, and changes of routing')
      .option('--to-weights <path>', 'the weights of that model, where it is a spec (default: those of --weights)')
      .addOption(new Option('--context <tokens>', 'most tokens of a window').argParser(whole(2, 'context')).default(512))
      .addOption(
        new Option('--stride <tokens>', 'how far windows are apart (default: the context, so that none overlap)').argParser(
          whole(1, 'stride'),
        ),
      )
      .option('--page <file>', 'writes one self-contained page: open it in a browser')
      .addOption(
        new Option(
          '--deadline <seconds>',
          'how long the tokenizer may take to open, and for each mebibyte of text (30)',
        ).argParser(seconds),
      )
      .addOption(deviceOption(', reference (f64, slow)'))
      .addOption(threadsOption())
      .addOption(fastOption())
      .addOption(modelOption())
      .addOption(rootOption())
      .addOption(setOption())
      .addOption(formatOption())
      .action(run((typed: string, options: Options) => evaluateModel(typed, options, terminal))),
}
