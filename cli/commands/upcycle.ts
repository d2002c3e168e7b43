/** `smoe upcycle MODEL --experts E --k K -o DIR`: a dense checkpoint as a sparse one that computes the same. */
import { Option, type Command } from 'commander'
import type { SpecOptions } from '../checking.ts'
import { formatOption, type CommandModule, type Context, type FormatOption } from '../command.ts'
import { EXIT, Failure, type ExitCode } from '../exit.ts'
import { openGiven } from '../export/given.ts'
import { checkNew, shardOption } from '../export/options.ts'
import { writeFolder } from '../export/write.ts'
import { bytes, plural, writeJson } from '../output.ts'
import { openWeights } from '../run/weights.ts'
import type { Terminal } from '../terminal.ts'
import { upcycledFolder, SPEC, type Upcycled } from '../upcycle/upcycle.ts'
import type { Sparse } from '../upcycle/rewrite.ts'

interface Options extends FormatOption {
  readonly experts: number
  readonly k: number
  readonly policy: string
  readonly granularity: number
  readonly noise: number
  readonly seed: number
  readonly output: string
  readonly weights?: string
  readonly shardSize: number
}

const POLICY = /^([a-z]\w*)(?:\((.*)\))?$/s

/** Throws a Failure for what is no name, alone or with arguments. */
function sparseOf({ experts, k: topK, policy: typed, granularity }: Options): Sparse {
  const [, policy, settings = ''] = POLICY.exec(typed.trim()) ?? []
  if (policy !== undefined) return { experts, topK, granularity, policy, settings: settings.trim() }
  throw new Failure(
    EXIT.usage,
    `'${typed}' is not a policy`,
    "write its name, or a call of it without k: 'spectral(renormalise = true)'",
  )
}

function text({ type, reason, scale, tensors, config }: Upcycled, options: Options): string {
  const size = tensors.reduce((sum, tensor) => sum + tensor.bytes, 0)
  const changes = config.map(({ field, to }) => `${field} ${to === null ? 'removed' : JSON.stringify(to)}`).join(', ')
  const lines = [
    `${plural(tensors.length, 'tensor')}, ${bytes(size)}`,
    scale === 1
      ? 'the last matrix of each expert is that of its network'
      : `the last matrix of each expert is ${scale} times its part`,
    options.noise > 0 ? 'with noise, the logits are near those of the dense model' : 'the logits are those of the dense model',
    type === null ? `${SPEC}, as no config says it: ${reason}` : `config of a '${type}': ${changes}`,
  ]
  return lines.map((line) => `${line}\n`).join('')
}

async function upcycleModel(typed: string, options: Options, terminal: Terminal): Promise<ExitCode> {
  const { output, weights, seed, noise, shardSize, format } = options
  checkNew(output, terminal)
  const sparse = sparseOf(options)
  const spec: SpecOptions = { set: [] }
  const given = await openGiven(typed, { weights, spec }, terminal)
  const { checkpoint } = await openWeights(given.weights, terminal)
  try {
    const upcycled = upcycledFolder(given, checkpoint, { sparse, seed, noise, shard: shardSize }, terminal)
    for (const note of given.notes) terminal.err(`note: ${note}\n`)
    await writeFolder(output, upcycled.files, `wrote ${output}`, terminal)
    const { files, tensors, type, reason, scale, config } = upcycled
    const report = { model_type: type, reason, scale, files: files.map(({ name, bytes: size }) => ({ name, bytes: size })) }
    if (format === 'json') writeJson(terminal, { ...report, tensors: tensors.length, config })
    else terminal.out(text(upcycled, options))
    return EXIT.ok
  } finally {
    await checkpoint.close()
  }
}

const countOf =
  (name: string, least: number) =>
  (typed: string): number => {
    const value = Number(typed)
    if (Number.isSafeInteger(value) && value >= least && value < 2 ** 31) return value
    throw new Failure(EXIT.usage, `'${typed}' is not a value of ${name}`, `write a whole number from ${least} on`)
  }

function noiseOf(typed: string): number {
  const value = Number(typed)
  if (value >= 0 && value <= 1) return value
  throw new Failure(EXIT.usage, `'${typed}' is not a value of --noise`, 'write a share from 0 to 1')
}

export const upcycle: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    command
      .argument('<model>', 'folder of a dense checkpoint, or a GGUF file')
      .addOption(
        new Option('--experts <count>', 'experts of each layer').argParser(countOf('--experts', 1)).makeOptionMandatory(),
      )
      .addOption(new Option('--k <count>', 'experts of a token').argParser(countOf('--k', 1)).makeOptionMandatory())
      .option('--policy <policy>', "a policy of std/policies, with arguments as in 'spectral(renormalise = true)'", 'top_k')
      .addOption(
        new Option('--granularity <parts>', 'parts that each network is cut into; an expert is one of them')
          .argParser(countOf('--granularity', 1))
          .default(1),
      )
      .addOption(
        new Option('--noise <share>', 'noise on the numbers of each expert, as a share of their deviation')
          .argParser(noiseOf)
          .default(0),
      )
      .addOption(new Option('--seed <number>', 'seed of routers and of noise').argParser(countOf('--seed', 0)).default(0))
      .requiredOption('-o, --output <dir>', 'the new folder; one that is there already is refused')
      .option('--weights <path>', 'other weights than those beside the config')
      .addOption(shardOption())
      .addOption(formatOption())
      .action(run((typed: string, options: Options) => upcycleModel(typed, options, terminal))),
}
