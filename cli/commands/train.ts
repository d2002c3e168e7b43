/** `smoe train SPEC --data FILE...`: from a spec and data to weights, and a record of what routing did. */
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { compileTraining, trainingPlans, TrainingLimitError, type TrainingGraphs } from '../../compiler/train.ts'
import type { RecipeOverrides } from '../../compiler/recipe.ts'
import type { Precision } from '../../plan/recipe.ts'
import { movedWeights } from '../../plan/update.ts'
import type { StepTime } from '../../runtime/profile.ts'
import { DataError, DivergedError, FitError, ResumeError } from '../../training/errors.ts'
import type { Data } from '../../training/data/data.ts'
import { split } from '../../training/data/split.ts'
import type { Vocabulary } from '../../training/data/vocabulary.ts'
import type { EndEvent, StartEvent, StepEvent } from '../../training/events.ts'
import { createDeviceMachine, type DeviceMachine } from '../../training/device-machine.ts'
import { listCheckpoints } from '../../training/files/checkpoints.ts'
import { readData } from '../../training/files/data.ts'
import { readRecords } from '../../training/files/record.ts'
import { CHECKPOINTS, resume, trainInto, type Resumed } from '../../training/files/run.ts'
import type { Machine } from '../../training/machine.ts'
import type { Training } from '../../training/run.ts'
import { reportTraining } from '../../training/record/report.ts'
import { commandLine, typedOptions } from '../again.ts'
import { modelOption, setOption, type CommandModule, type Context } from '../command.ts'
import type { SpecOptions } from '../compilation.ts'
import { deviceOption, openChosen } from '../device.ts'
import { refuseErrors } from '../diagnostics.ts'
import { EXIT, Failure, type ExitCode } from '../exit.ts'
import { createLoader, missingFile, parseSettings, readSource } from '../load.ts'
import { createLine, startLines, stepLine, validationLine } from '../training/line.ts'
import { trainingPage } from '../training/page.ts'
import { createReferenceMachine } from '../training/reference-machine.ts'
import type { Terminal } from '../terminal.ts'

interface Options extends SpecOptions {
  readonly data: readonly string[]
  readonly validation?: readonly string[]
  readonly split: number
  readonly bytes?: boolean
  readonly steps?: number
  readonly seed?: number
  readonly out?: string
  readonly resume?: string
  readonly device: string
  readonly precision: Precision
  readonly validateEvery: number
  readonly validateBatches: number
  readonly saveEvery?: number
  readonly keep: number
}

function graphsOf(path: string, { model: wanted, set, steps, seed, precision }: Options, terminal: Terminal): TrainingGraphs {
  const recipe: RecipeOverrides = { precision, ...(steps === undefined ? {} : { steps }), ...(seed === undefined ? {} : { seed }) }
  const { diagnostics, model, graphs } = compileTraining(readSource(path, terminal), { load: createLoader(terminal), model: wanted, set: parseSettings(set), recipe })
  refuseErrors(diagnostics, terminal)
  if (model === null) throw new Failure(EXIT.usage, `'${path}' declares no model`, 'only a model can be trained')
  if (graphs === null) {
    throw new Failure(EXIT.usage, `${model.name} does not say how it learns`, 'a `train { ... }` block in the model names a loss and an optimiser; smoe explain --stage train shows one')
  }
  if (movedWeights(graphs.recipe).length === 0) {
    throw new Failure(EXIT.usage, `${model.name} learns nothing: no gradient of its losses reaches a weight`, 'what is behind stop(...) or rounded is not learned')
  }
  return graphs
}

interface DataSets {
  readonly training: Data
  readonly validation: Data | null
}

function pathsOf(typed: readonly string[], terminal: Terminal): readonly string[] {
  return typed.map((path) => {
    if (!existsSync(terminal.path(path))) throw missingFile(path, terminal)
    return terminal.path(path)
  })
}

/** As the user wrote it, at most three files by name. */
const nameOf = (typed: readonly string[]): string => (typed.length <= 3 ? typed.join(', ') : `${typed.slice(0, 2).join(', ')} and ${typed.length - 2} more`)

async function readNamed(typed: readonly string[], vocabulary: Vocabulary | undefined, terminal: Terminal): Promise<Data> {
  return { ...await readData(pathsOf(typed, terminal), vocabulary), name: nameOf(typed) }
}

const vocabularyOf = (data: Data): Vocabulary | null => (data.kind === 'stream' ? data.vocabulary : null)

async function dataOf({ data, validation, split: fraction, bytes }: Options, terminal: Terminal): Promise<DataSets> {
  const all = await readNamed(data, bytes === true ? { kind: 'bytes' } : undefined, terminal)
  if (validation === undefined) return fraction === 0 ? { training: all, validation: null } : split(all, fraction)
  const vocabulary = vocabularyOf(all)
  const other = await readNamed(validation, vocabulary ?? undefined, terminal)
  if ((vocabulary === null) !== (vocabularyOf(other) === null)) {
    throw new DataError(other.name, null, `is ${vocabulary === null ? 'text' : 'tokens'}, and what it is to validate is not: whether their tokens mean the same nobody can say`)
  }
  return { training: all, validation: other }
}

/** Aborts at the first Ctrl-C, so that the step is finished and saved; the second ends the program as it would any other. */
function createStop(terminal: Terminal): { readonly signal: AbortSignal; readonly end: () => void } {
  const stop = new AbortController()
  const onSignal = (): void => {
    terminal.err('\nstopping after this step; once more to stop at once\n')
    stop.abort()
  }
  process.once('SIGINT', onSignal)
  process.once('SIGTERM', onSignal)
  return {
    signal: stop.signal,
    end: () => {
      process.removeListener('SIGINT', onSignal)
      process.removeListener('SIGTERM', onSignal)
    },
  }
}

interface Opened {
  readonly machine: Machine
  /** What tells the times of a step; null where no device computes. */
  readonly clock: Pick<DeviceMachine, 'timeNext' | 'times'> | null
  readonly dispose: () => void
}

async function openMachine(graphs: TrainingGraphs, choose: string, terminal: Terminal): Promise<Opened> {
  if (choose === 'reference') return { machine: createReferenceMachine(graphs), clock: null, dispose: () => {} }
  const device = await openChosen(choose, terminal)
  if (graphs.recipe.precision === 'mixed' && !device.target.features.includes('shader-f16')) {
    device.dispose()
    throw new Failure(EXIT.noAdapter, `${device.choice.name} has no half floats (shader-f16), which --precision mixed needs`, '--precision f32 trains on every adapter; smoe doctor lists those that are here')
  }
  const machine = createDeviceMachine(device, trainingPlans(graphs, device.target))
  return {
    machine,
    clock: machine,
    dispose: () => {
      machine.dispose()
      device.dispose()
    },
  }
}

/** Steps before the one whose kernels are timed: drivers compile in the first. */
const UNTIMED = 2

async function follow(directory: string, training: Training, { keep }: Options, clock: Opened['clock'], terminal: Terminal): Promise<EndEvent> {
  const line = createLine(terminal)
  let [start, last]: [StartEvent | null, StepEvent | null] = [null, null]
  for await (const event of trainInto(directory, training, { keep })) {
    switch (event.kind) {
      case 'start':
        start = event
        line.keep(startLines(event))
        break
      case 'step':
        last = event
        line.draw(stepLine(event, start!))
        if (event.step === start!.done + UNTIMED) clock?.timeNext()
        break
      case 'validation':
        line.keep(validationLine(event, last))
        break
      case 'end': return event
      case 'probe':
      case 'checkpoint': break
      default: event satisfies never
    }
  }
  throw new Error('a run ends with its end')
}

async function writeReport(directory: string, times: readonly StepTime[] | null): Promise<string> {
  const path = join(directory, 'report.html')
  await writeFile(path, trainingPage(reportTraining(await readRecords(directory), times)))
  return path
}

/** What the file system refused: `EACCES: permission denied, mkdir 'run'`. */
const isFromFiles = (problem: unknown): problem is NodeJS.ErrnoException => problem instanceof Error && 'syscall' in problem && 'code' in problem

/** What went wrong with what the user gave, as a failure of the command. */
function asFailure(problem: unknown, terminal: Terminal): unknown {
  if (problem instanceof TrainingLimitError) {
    refuseErrors(problem.diagnostics, terminal)
    return new Failure(EXIT.noAdapter, problem.message)
  }
  if (problem instanceof DivergedError) return new Failure(EXIT.numbersDiffer, problem.message, 'a smaller rate, a longer warm-up or clipping may help')
  if (problem instanceof ResumeError) return new Failure(EXIT.badCheckpoint, problem.message)
  if (problem instanceof DataError || problem instanceof FitError) return new Failure(EXIT.usage, problem.message)
  if (isFromFiles(problem)) return new Failure(EXIT.usage, problem.message, 'what was saved before is as it was')
  return problem
}

/** Where a run writes: what was asked for, else where it goes on, else a directory of the model's name. */
function directoryOf({ out, resume: from }: Options, training: Training | Resumed, terminal: Terminal): string {
  if (out !== undefined) return out
  if (!('directory' in training)) return `${training.recipe.model}-run`
  if (training.directory !== null) return relative(terminal.path('.'), training.directory) || '.'
  throw new Failure(EXIT.usage, `'${from}' lies in no run's ${CHECKPOINTS}/`, '--out says where the run that goes on from it writes')
}

/** `typed` are the options of a run like this one, but for where it begins and ends. */
async function action(path: string, options: Options, typed: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const graphs = graphsOf(path, options, terminal)
  const sets = await dataOf(options, terminal)
  const { machine, clock, dispose } = await openMachine(graphs, options.device, terminal)
  const stop = createStop(terminal)
  try {
    const fresh: Training = {
      recipe: graphs.recipe, machine, ...sets, validateEvery: options.validateEvery, validateBatches: options.validateBatches,
      saveEvery: options.saveEvery ?? options.validateEvery, signal: stop.signal,
    }
    const training = options.resume === undefined ? fresh : await resume(terminal.path(options.resume), fresh)
    const shown = directoryOf(options, training, terminal)
    const directory = terminal.path(shown)
    const end = await follow(directory, training, options, clock, terminal).catch(async (problem: unknown) => {
      if (problem instanceof DivergedError) terminal.err(`report      ${await writeReport(directory, clock?.times() ?? null)}\n`)
      throw problem
    })
    const report = await writeReport(directory, clock?.times() ?? null)
    const newest = (await listCheckpoints(join(directory, CHECKPOINTS))).at(-1)
    terminal.err(`\n${end.reason === 'done' ? 'done' : 'stopped'} at step ${end.step}\n`)
    terminal.out(`weights     ${newest?.path ?? 'none'}\nreport      ${report}\n`)
    if (end.reason === 'stopped' && newest !== undefined) {
      terminal.err(`${commandLine(['smoe', 'train', path, ...typed, '--resume', shown])} goes on from here\n`)
    }
    return end.reason === 'stopped' ? EXIT.interrupted : EXIT.ok
  } finally {
    stop.end()
    dispose()
  }
}

function whole(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!Number.isSafeInteger(value) || value < least || value >= 2 ** 31) throw new InvalidArgumentError(`a whole number from ${least}.`)
    return value
  }
}

function share(text: string): number {
  const value = Number(text)
  if (!(value >= 0 && value < 1)) throw new InvalidArgumentError('from 0 up to 1, itself excluded.')
  return value
}

export const train: CommandModule = {
  define: (command: Command, { terminal, run }: Context) =>
    command
      .argument('<spec>', 'the spec, with a `train` block in its model')
      .requiredOption('--data <file...>', 'what to learn from: text, .csv images with the label last, .npy or .safetensors arrays')
      .option('--validation <file...>', 'what to validate with, in the place of a part of the data')
      .addOption(new Option('--split <share>', 'share of the data that is kept to validate with').argParser(share).default(0.1).conflicts('validation'))
      .option('--bytes', 'read text as bytes rather than characters')
      .option('--steps <n>', 'steps of the run, in the place of what the spec says', whole(1))
      .option('--seed <n>', 'what all random numbers follow from, in the place of what the spec says', whole(0))
      .option('--out <directory>', 'where checkpoints, metrics and the report go (default: MODEL-run)')
      .option('--resume <directory>', 'go on from the newest checkpoint of a run, or from the one that is named')
      .option('--validate-every <n>', 'steps from one validation to the next; 0 for none', whole(0), 100)
      .option('--validate-batches <n>', 'batches of a validation at the most', whole(1), 16)
      .option('--save-every <n>', 'steps from one checkpoint to the next (default: with each validation)', whole(1))
      .option('--keep <n>', 'newest checkpoints that are kept', whole(1), 3)
      .addOption(new Option('--precision <precision>', 'f32, or mixed: what matrix products read and give lies in memory as f16').choices(['f32', 'mixed']).default('f32'))
      .addOption(deviceOption(', reference'))
      .addOption(modelOption())
      .addOption(setOption())
      .action(run(async (path: string, options: Options) => {
        try {
          return await action(path, options, typedOptions(command, ['out', 'resume']), terminal)
        } catch (problem) {
          throw asFailure(problem, terminal)
        }
      })),
}
