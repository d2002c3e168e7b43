/** `smoe export --to torch`: a folder with a model as one module of Python, its weights by path, and how it is trained. */
import { trainingGraphs, type TrainingGraphs } from '../../compiler/train.ts'
import { lower, trainingVariants } from '../../compiler/lower/lower.ts'
import type { Model } from '../../compiler/model/model.ts'
import { torchModule, type TorchModule } from '../../compiler/torch/model.ts'
import { readmeText } from '../../compiler/torch/readme.ts'
import { TorchRefusal } from '../../compiler/torch/refusal.ts'
import { TRAIN } from '../../compiler/torch/train.ts'
import { positionAt, type Source } from '../../grammar/source.ts'
import type { WeightPort } from '../../plan/plan.ts'
import { BY_PATH } from '../../plan/weight-path.ts'
import { SINGLE } from '../../runtime/checkpoint/shards.ts'
import { textPieces } from '../../runtime/files/index.ts'
import { initialState } from '../../training/initialise.ts'
import { drawSchedule } from '../../training/schedule/competition.ts'
import { checkSource, type SpecOptions } from '../checking.ts'
import { refuseErrors } from '../diagnostics.ts'
import { EXIT, Failure } from '../exit.ts'
import { openModelSource } from '../model/source.ts'
import { plural } from '../output.ts'
import { weightPorts } from '../run/reference.ts'
import { openWeights } from '../run/weights.ts'
import type { Terminal } from '../terminal.ts'
import { readBeginning } from '../training/weights.ts'
import { AS_IT_IS } from './gather.ts'
import { tensorFile, type NamedFile } from './shards.ts'
import { exportedTensors, type ExportedTensor, type WeightsAs } from './tensors.ts'
import { writeFolder } from './write.ts'

export interface TorchOptions extends SpecOptions {
  readonly output: string
  readonly weights?: string
  readonly as: WeightsAs
}

interface Given {
  readonly source: Source
  readonly weights: string | null
  /** Whether the spec was made of a config: it goes into the folder. */
  readonly isImported: boolean
}

async function open(typed: string, weights: string | undefined, terminal: Terminal): Promise<Given> {
  const { source, checkpoint, weights: own } = await openModelSource(typed, terminal)
  return { source, weights: weights ?? own, isImported: checkpoint !== null }
}

const placeOf = ({ origin: { span, instance } }: TorchRefusal): string => {
  if (span === null) return instance
  const { line, column } = positionAt(span.source, span.start)
  return `${span.source.path}:${line}:${column}`
}

function written(model: Model): TorchModule {
  try {
    return torchModule(model)
  } catch (problem) {
    if (!(problem instanceof TorchRefusal)) throw problem
    throw new Failure(EXIT.usage, `${placeOf(problem)}: ${problem.message}`, 'nothing was written')
  }
}

const file = (name: string, text: string): NamedFile => ({ name, pieces: textPieces(text), bytes: Buffer.byteLength(text) })

const byPath = (port: WeightPort): WeightPort => ({
  ...port,
  stacked: false,
  storage: undefined,
  pieces: [{ tensor: port.name, slices: [], transpose: false }],
})

/** The weights of a module as the spec stores them in a checkpoint. */
function portsOf(model: Model, wanted: ReadonlySet<string>): readonly WeightPort[] {
  const all = [lower(model), ...trainingVariants(model)].flatMap(weightPorts)
  return [...new Map(all.map((port) => [port.name, port])).values()].filter(({ name }) => wanted.has(name))
}

/** The weights of a run that has not begun: those given, and what the initialisers make. */
async function initial(
  graphs: TrainingGraphs,
  weights: string | null,
  wanted: ReadonlySet<string>,
  terminal: Terminal,
): Promise<readonly ExportedTensor[]> {
  const given = weights === null ? undefined : (await readBeginning(weights, graphs, terminal)).given
  return Object.entries(initialState(graphs.recipe, given)).flatMap(([name, { shape, data }]): readonly ExportedTensor[] => {
    if (!wanted.has(name)) return []
    const numbers = Float32Array.from(data)
    const bytes = new Uint8Array(numbers.buffer)
    return [{ name, dtype: 'F32', shape, bytes: bytes.length, pieces: () => [bytes] }]
  })
}

/** Writes the folder. Throws a Failure, a WeightError or a FileError; then nothing is written. */
export async function exportTorch(typed: string, options: TorchOptions, terminal: Terminal): Promise<string> {
  const { source, weights, isImported } = await open(typed, options.weights, terminal)
  const { model, diagnostics } = checkSource(source, options, terminal)
  refuseErrors(diagnostics, terminal)
  if (model === null) throw new Failure(EXIT.usage, `'${typed}' declares no model`)
  const module = written(model)
  const graphs = trainingGraphs(model)
  if (graphs?.recipe.adapters !== undefined)
    throw new Failure(
      EXIT.usage,
      `${model.name} learns by low-rank pairs, which the module of Python does not have`,
      'leave out `learns lora`; the weights of a run are read with its pairs merged',
    )
  const files = [
    file('model.py', module.text),
    ...(graphs === null ? [] : [file('train.py', TRAIN), file('recipe.json', recipeText(graphs))]),
    file('README.md', readmeText(model, { hasTraining: graphs !== null, isParallel: module.isParallel })),
    ...(isImported ? [file(source.path, source.text)] : []),
  ]
  const wanted = new Set(module.weights)
  const write = async (tensors: readonly ExportedTensor[]): Promise<string> => {
    await writeFolder(options.output, [...files, tensorFile(SINGLE, tensors, BY_PATH)], `wrote ${options.output}`, terminal)
    return `${model.name}: model.py${graphs === null ? '' : ', train.py'} and ${plural(tensors.length, 'weight')}\n`
  }
  if (graphs !== null) return write(await initial(graphs, weights, wanted, terminal))
  if (weights === null)
    throw new Failure(
      EXIT.usage,
      `${typed} has no train block, which would initialise weights`,
      'say where they are with --weights PATH',
    )
  const { checkpoint } = await openWeights(weights, terminal)
  try {
    const from = portsOf(model, wanted)
    const carries = (): boolean => false
    const request = { from, to: from.map(byPath), as: options.as, checkpoint, arrangement: AS_IT_IS, carries }
    return await write(exportedTensors(request).tensors)
  } finally {
    await checkpoint.close()
  }
}

const recipeText = ({ recipe }: TrainingGraphs): string =>
  `${JSON.stringify({ ...recipe, competitions: drawSchedule(recipe) }, null, 1)}\n`
