/** `smoe embed DIR TEXT...`: a vector for each text, and how near they are to each other. */
import { Option, type Command } from 'commander'
import { cosine, normalised, pool, POOLINGS, type Pooling } from '../../analysis/embed/pool.ts'
import { constantValue, dim } from '../../plan/dim.ts'
import type { OutputPort, Plan } from '../../plan/plan.ts'
import { encodeSafetensors } from '../../runtime/checkpoint/encode.ts'
import { formatOption, type CommandModule, type Context, type FormatOption } from '../command.ts'
import { deviceOption, fastOption, openUnlessReference, threadsOption, type DeviceOptions } from '../device.ts'
import { settingsIn, type EmbedSettings } from '../embed/settings.ts'
import { withLoaded, type Loaded } from '../model/open.ts'
import { sequenceShape } from '../../plan/text-ports.ts'
import { tokensOf } from '../model/ports.ts'
import { EXIT, Failure, type ExitCode } from '../exit.ts'
import { fileOf, writeTogether } from '../files.ts'
import { isFolder } from '../model/source.ts'
import { table, writeJson } from '../output.ts'
import { withTokenizer } from '../run/tokenizer.ts'
import { tokenizerPath } from '../run/tokenizer-path.ts'
import { weightsAsOption, type WeightFormatOptions } from '../run/weight-formats.ts'
import type { Terminal } from '../terminal.ts'

interface Options extends FormatOption, DeviceOptions, WeightFormatOptions {
  readonly pooling?: Pooling
  readonly out?: string
}

interface HiddenPort {
  readonly port: OutputPort
  /** D. */
  readonly width: number
}

/** The hidden states of all tokens. Throws a Failure for a model without them. */
function hiddenOf(plan: Plan): HiddenPort {
  const { tokens } = tokensOf(plan)
  const found = plan.outputs.flatMap((port) => {
    const width = constantValue(dim(port.shape.at(-1) ?? 1))
    const isHidden = port.role === undefined && port.dtype === 'f32' && port.shape.slice(0, -1).join() === tokens.shape.join()
    return isHidden && width !== undefined && port.name !== 'logits' ? [{ port, width }] : []
  })
  if (found.length === 1) return found[0]
  throw new Failure(
    EXIT.usage,
    `${plan.model} gives no vectors: ${found.length === 0 ? 'no' : 'more than one'} output is f32[${[...tokens.shape, 'D'].join(', ')}]`,
    'an encoder has the hidden states of its last layer as an output',
  )
}

async function readTokens(folder: string, texts: readonly string[], terminal: Terminal): Promise<readonly Int32Array[]> {
  const path = tokenizerPath(folder, terminal)
  if (path === null) throw new Failure(EXIT.usage, `'${folder}' has no tokenizer.json`)
  return withTokenizer(path, undefined, terminal, async ({ encode }) => {
    const found: Int32Array[] = []
    for (const text of texts) found.push(await encode(text))
    const empty = found.findIndex((tokens) => tokens.length === 0)
    if (empty >= 0) throw new Failure(EXIT.usage, `text ${empty + 1} has no tokens`)
    return found
  })
}

/** Throws a Failure for a token that the model does not have. */
function checkTokens(texts: readonly Int32Array[], plan: Plan): void {
  const { vocabulary } = tokensOf(plan)
  const stray = texts.flatMap((tokens) => [...tokens]).find((id) => id >= vocabulary)
  if (stray !== undefined)
    throw new Failure(EXIT.usage, `the tokenizer gives token ${stray}, and ${plan.model} has ${vocabulary} tokens`)
}

async function vectorsOf(
  { compiled: { plan }, run }: Loaded,
  texts: readonly Int32Array[],
  { pooling, normalises }: EmbedSettings,
): Promise<readonly Float64Array[]> {
  const [{ tokens }, { port: hidden, width }] = [tokensOf(plan), hiddenOf(plan)]
  const vectors: Float64Array[] = []
  for (const data of texts) {
    const outputs = await run({ [tokens.name]: { shape: sequenceShape({ tokens }, data.length), data } })
    const vector = pool(outputs[hidden.name].data as Float32Array, width, pooling)
    if (!vector.every(Number.isFinite))
      throw new Failure(EXIT.numbersDiffer, `the vector of text ${vectors.length + 1} is not finite`)
    vectors.push(normalises ? normalised(vector) : vector)
  }
  return vectors
}

/** A row and a column a text. */
function similarities(texts: readonly string[], vectors: readonly Float64Array[]): string {
  const names = texts.map((_, at) => `${at + 1}`)
  const rows = vectors.map((one, at) => [
    names[at],
    ...vectors.map((other) => cosine(one, other).toFixed(3)),
    JSON.stringify(texts[at].length > 40 ? `${texts[at].slice(0, 39)}…` : texts[at]),
  ])
  return table([['cosine', ...names, ''], ...rows], `>${'>'.repeat(names.length)}<`)
}

const matrix = (vectors: readonly Float64Array[]) => ({
  shape: [vectors.length, vectors[0].length],
  data: Float32Array.from(vectors.flatMap((vector) => [...vector])),
})

async function tell(
  model: string,
  texts: readonly string[],
  vectors: readonly Float64Array[],
  settings: EmbedSettings,
  { format, out }: Options,
  terminal: Terminal,
): Promise<void> {
  if (out !== undefined) {
    const output = fileOf(out, [encodeSafetensors({ embeddings: matrix(vectors) })], terminal)
    await writeTogether([{ output, message: `wrote ${out}` }], terminal)
  }
  if (format === 'json')
    writeJson(terminal, { model, ...settings, embeddings: texts.map((text, at) => ({ text, vector: [...vectors[at]] })) })
  else terminal.out(similarities(texts, vectors))
}

/** Throws a Failure where neither the folder nor the user says how to pool. */
function settingsFor(folder: string, { pooling }: Options, terminal: Terminal): EmbedSettings {
  const found = settingsIn(folder, terminal)
  if (pooling !== undefined) return { pooling, normalises: found?.normalises ?? false }
  if (found !== null) return found
  throw new Failure(
    EXIT.usage,
    `'${folder}' does not say how the vectors of tokens become one: it has no modules.json with a pooling module`,
    'write --pooling mean, for example',
  )
}

async function embedTexts(folder: string, texts: readonly string[], options: Options, terminal: Terminal): Promise<ExitCode> {
  if (!isFolder(folder, terminal)) throw new Failure(EXIT.usage, `'${folder}' is not the folder of a checkpoint`)
  const settings = settingsFor(folder, options, terminal)
  const tokens = await readTokens(folder, texts, terminal)
  const check = (plan: Plan): void => {
    hiddenOf(plan)
    checkTokens(tokens, plan)
  }
  const device = await openUnlessReference(options, terminal)
  try {
    const given = { typed: folder, weightsAs: options.weightsAs, spec: { set: [] } }
    await withLoaded(device, terminal, given, check, async (loaded) =>
      tell(loaded.compiled.plan.model, texts, await vectorsOf(loaded, tokens, settings), settings, options, terminal),
    )
    return EXIT.ok
  } finally {
    device?.dispose()
  }
}

export const embed: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    command
      .argument('<folder>', 'folder of a checkpoint, with its tokenizer')
      .argument('<text...>', 'texts, each with the prefix that the model expects')
      .addOption(
        new Option('--pooling <kind>', 'how the vectors of tokens become one (default: as modules.json says)').choices(POOLINGS),
      )
      .option('--out <file>', 'writes embeddings, f32 [texts, D], as .safetensors')
      .addOption(weightsAsOption())
      .addOption(deviceOption(', reference (f64, slow)'))
      .addOption(threadsOption())
      .addOption(fastOption())
      .addOption(formatOption())
      .action(run((folder: string, texts: readonly string[], options: Options) => embedTexts(folder, texts, options, terminal))),
}
