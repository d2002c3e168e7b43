/** `smoe train SPEC --data FILE...`: from a spec and data to weights, and a record of what routing did. */
import { join } from 'node:path'
import { Option, type Command } from 'commander'
import { trainingPlans, type TrainingGraphs } from '../../compiler/train.ts'
import { PORTABLE } from '../../plan/target.ts'
import type { DispatchTime } from '../../runtime/profile.ts'
import { textPieces, writeFileWhole } from '../../runtime/files/index.ts'
import { DivergedError, FitError } from '../../training/errors.ts'
import type { EndEvent, StartEvent, StepEvent } from '../../training/events.ts'
import { createDeviceMachine, type DeviceMachine } from '../../training/device-machine.ts'
import { listCheckpoints } from '../../training/files/checkpoints.ts'
import { readRecords } from '../../training/files/record.ts'
import { CHECKPOINTS } from '../../training/files/names.ts'
import { readRun, resumeRun, trainInto, type SavedRun } from '../../training/files/run.ts'
import type { Machine } from '../../training/machine.ts'
import type { Training } from '../../training/run.ts'
import { reportTraining, type TrainingReport } from '../../training/record/report.ts'
import { judge, WINDOW } from '../../training/record/verdict.ts'
import { commandLine, typedOptions } from '../again.ts'
import { modelOption, rootOption, setOption, type CommandModule, type Context } from '../command.ts'
import { storedFormats, type FrozenFormats } from '../../compiler/frozen-formats.ts'
import type { Device } from '../../runtime/device.ts'
import { weightFormats } from '../run/weight-formats.ts'
import type { Teacher } from '../../training/teacher.ts'
import { openModelSource } from '../model/source.ts'
import { deviceOption, fastOption, openUnlessReference, threadsOption, type DeviceOptions } from '../device.ts'
import { dumpOption, writeDump } from '../dump.ts'
import { EXIT, Failure, type ExitCode } from '../exit.ts'
import { paint } from '../output.ts'
import { compiledTraining } from '../training/compiled.ts'
import { fitAdvice } from '../training/advice.ts'
import { addDataOptions, readDataSets, type DataOptions, type DataSets } from '../training/data.ts'
import { chooseDirectory, REPORT } from '../training/directory.ts'
import { asFailure } from '../training/failure.ts'
import { createLine, startLines, stepLine, validationLine } from '../training/line.ts'
import { resumeNotes } from '../training/resume.ts'
import { addLearnOptions, blockOf, type LearnOptions } from '../training/learn.ts'
import {
  precisionOption,
  seedOption,
  trainingSpecOf,
  wholeFrom,
  type RecipeOptions,
  type TrainingSpec,
} from '../training/spec.ts'
import { spectralStart } from '../training/start.ts'
import { withTeacher, type TeacherOptions } from '../training/teacher.ts'
import { tokenized } from '../training/tokenized.ts'
import { createNews, verdictLines } from '../training/verdict.ts'
import { readBeginning, type Beginning } from '../training/weights.ts'
import { trainingPage } from '../training/page.ts'
import { createReferenceMachine } from '../training/reference-machine.ts'
import { createStop } from '../training/stop.ts'
import { compileProgress } from '../session.ts'
import type { Terminal } from '../terminal.ts'

interface Options extends RecipeOptions, DataOptions, DeviceOptions, TeacherOptions, LearnOptions {
  readonly out?: string
  readonly resume?: string
  readonly weights?: string
  readonly validateEvery: number
  readonly validateBatches: number
  readonly saveEvery?: number
  readonly keep: number
  readonly dump?: string
}

interface Opened {
  readonly machine: Machine
  /** What tells the times of a step; null where no device computes. */
  readonly clock: Pick<DeviceMachine, 'timeNext' | 'times'> | null
  readonly dispose: () => void
}

async function openMachine(
  device: Device | null,
  graphs: TrainingGraphs,
  { dump }: Options,
  terminal: Terminal,
): Promise<Opened> {
  if (device === null) {
    await writeDump(dump, PORTABLE, () => compiledTraining(graphs, PORTABLE), terminal)
    return { machine: createReferenceMachine(graphs), clock: null, dispose: () => {} }
  }
  if (graphs.recipe.precision === 'mixed' && !device.target.features.includes('shader-f16')) {
    throw new Failure(
      EXIT.noAdapter,
      `${device.choice.name} does not support f16 (shader-f16), which --precision mixed needs`,
      '--precision f32 trains on every adapter; smoe doctor lists those that are here',
    )
  }
  await writeDump(dump, device.target, () => compiledTraining(graphs, device.target), terminal)
  const machine = createDeviceMachine(device, trainingPlans(graphs, device.target), { onCompile: compileProgress(terminal) })
  return { machine, clock: machine, dispose: machine.dispose }
}

/** Steps before the one whose kernels are timed: drivers compile in the first. */
const UNTIMED = 2

async function follow(
  directory: string,
  training: Training,
  { keep }: Options,
  clock: Opened['clock'],
  terminal: Terminal,
): Promise<EndEvent> {
  const line = createLine(terminal)
  const news = createNews()
  let [start, last]: [StartEvent | null, StepEvent | null] = [null, null]
  let recent: readonly StepEvent[] = []
  for await (const event of trainInto(directory, training, { keep })) {
    switch (event.kind) {
      case 'start':
        start = event
        line.keep(startLines(event))
        break
      case 'step':
        last = event
        recent = [...recent.slice(1 - WINDOW), event]
        line.draw(stepLine(event, start!))
        if (event.step === start!.done + UNTIMED) clock?.timeNext()
        break
      case 'validation':
        line.keep(validationLine(event, last))
        break
      case 'probe':
        // the end tells all
        if (event.step < start!.steps) for (const words of news(judge(start!.layers, recent))) line.keep(warning(words, terminal))
        break
      case 'end':
        return event
      case 'checkpoint':
        break
      default:
        event satisfies never
    }
  }
  throw new Error('a run ends with its end')
}

const warning = (words: string, { errHasColor }: Terminal): string => `${paint(errHasColor, 'yellow', words)}\n`

interface Written {
  readonly path: string
  readonly report: TrainingReport
}

async function writeReport(directory: string, times: readonly DispatchTime[] | null): Promise<Written> {
  const path = join(directory, REPORT)
  const report = reportTraining(await readRecords(directory), times)
  await writeFileWhole(path, textPieces(trainingPage(report)))
  return { path, report }
}

/** What is wrong with layers at the end. */
function tellVerdicts({ routing: { verdicts } }: TrainingReport, terminal: Terminal): void {
  for (const words of verdictLines(verdicts)) terminal.err(warning(words, terminal))
}

/** Text for a folder is read with its tokenizer, unless the weights are of a run that has learned from text. */
async function readData(
  options: Options,
  beginning: Beginning | null,
  folder: string | null,
  terminal: Terminal,
): Promise<DataSets> {
  const begun = beginning?.vocabulary ?? null
  const sets = await readDataSets(options, begun, terminal)
  return folder === null || begun !== null ? sets : tokenized(sets, folder, options.deadline, terminal)
}

/** `typed` are the options of a run like this one, but for where it begins and ends. */
async function action(path: string, options: Options, typed: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const { source, checkpoint: folder, weights: beside } = await openModelSource(path, terminal)
  const saved = options.resume === undefined ? null : await readRun(terminal.path(options.resume))
  const weights = options.weights ?? (saved === null ? beside : null)
  const formats = await frozenFormats(saved, weights, terminal)
  const spec = trainingSpecOf(source, { ...options, block: blockOf(options), formats }, terminal)
  const { graphs } = spec
  const beginning = weights === null ? null : await readBeginning(weights, graphs, terminal)
  const { notes, ...sets } = await readData(options, beginning, folder, terminal)
  for (const note of notes) terminal.err(`note: ${note}\n`)
  // before a device is opened, which may take seconds
  const shown = await chooseDirectory(path, graphs.recipe.model, options, saved, terminal)
  const device = await openUnlessReference(options, terminal)
  try {
    const started = await startOf(beginning, spec, device, options, terminal)
    return await withTeacher(options, device, terminal, (teacher) =>
      trainOn(device, { path, typed, shown, spec, sets, beginning: started, saved, teacher }, options, terminal),
    )
  } finally {
    device?.dispose()
  }
}

/** As the run has stored them that goes on, or as the checkpoint has them that a run begins with. */
async function frozenFormats(
  saved: SavedRun | null,
  weights: string | null,
  terminal: Terminal,
): Promise<FrozenFormats | undefined> {
  if (saved !== null) return storedFormats(saved.saved.recipe)
  return weights === null ? undefined : (await weightFormats({ weights, weightsAs: 'shipped' }, terminal)).formats
}

/** What the run begins with, its routers as `--start` says. */
async function startOf(
  beginning: Beginning | null,
  { graphs: { recipe } }: TrainingSpec,
  device: Device | null,
  { start }: Options,
  terminal: Terminal,
): Promise<Beginning | null> {
  if (start === 'old') return beginning
  if (beginning === null)
    throw new Failure(EXIT.usage, '--start spectral needs the weights of experts', 'name them with --weights PATH')
  return { ...beginning, given: await spectralStart(beginning.given, recipe, device, terminal) }
}

/** What a run is made of, read and checked. */
interface Prepared {
  readonly path: string
  readonly typed: readonly string[]
  /** The directory of the run, as the user would type it. */
  readonly shown: string
  readonly spec: TrainingSpec
  readonly sets: Omit<DataSets, 'notes'>
  readonly beginning: Beginning | null
  readonly saved: SavedRun | null
  readonly teacher: Teacher | null
}

async function trainOn(
  device: Device | null,
  { path, typed, shown, spec, sets, beginning, saved: read, teacher }: Prepared,
  options: Options,
  terminal: Terminal,
): Promise<ExitCode> {
  const { graphs } = spec
  let saved = read
  const directory = terminal.path(shown)
  const { machine, clock, dispose } = await openMachine(device, graphs, options, terminal)
  const stop = createStop(terminal)
  try {
    const fresh: Training = {
      recipe: graphs.recipe,
      machine,
      ...sets,
      validateEvery: options.validateEvery,
      validateBatches: options.validateBatches,
      saveEvery: options.saveEvery ?? options.validateEvery,
      signal: stop.signal,
      ...(beginning === null ? {} : { weights: beginning.given }),
      ...(teacher === null ? {} : { teacher }),
    }
    const training = saved === null ? fresh : await resumeRun(saved, fresh)
    // the machine has the state now
    saved = null
    for (const note of resumeNotes(training)) terminal.err(`note: ${note}\n`)
    const end = await follow(directory, training, options, clock, terminal).catch(async (problem: unknown) => {
      if (problem instanceof DivergedError)
        terminal.err(`report      ${(await writeReport(directory, clock?.times() ?? null)).path}\n`)
      throw problem instanceof FitError
        ? new Failure(
            EXIT.usage,
            problem.message,
            fitAdvice(problem, spec, [sets.training, ...(sets.validation === null ? [] : [sets.validation])]),
          )
        : problem
    })
    const { path: page, report } = await writeReport(directory, clock?.times() ?? null)
    const newest = (await listCheckpoints(join(directory, CHECKPOINTS))).at(-1)
    terminal.err(`\n${end.reason === 'done' ? 'done' : 'stopped'} at step ${end.step}\n`)
    tellVerdicts(report, terminal)
    terminal.out(`weights     ${newest?.path ?? 'none'}\nreport      ${page}\n`)
    if (end.reason === 'stopped' && newest !== undefined) {
      terminal.err(`${commandLine(['smoe', 'train', path, ...typed, '--resume', shown])} goes on from here\n`)
    }
    return end.reason === 'stopped' ? stop.code() : EXIT.ok
  } finally {
    stop.end()
    dispose()
  }
}

export const train: CommandModule = {
  define: (command: Command, { terminal, run }: Context) =>
    addLearnOptions(
      addDataOptions(
        command.argument('<spec>', 'the spec, with a `train` block in its model, or the folder of a checkpoint with --learn'),
      ),
    )
      .option('--steps <n>', 'number of steps, in place of the one in the spec', wholeFrom(1))
      .addOption(seedOption())
      .option('--out <directory>', 'where checkpoints, metrics and the report go (default: MODEL-run)')
      .option(
        '--resume <directory>',
        'go on from the newest checkpoint of a run, or from the one that is named; --steps may make the run longer',
      )
      .addOption(
        new Option(
          '--weights <path>',
          'initial weights: those of a run or of a checkpoint; optimizer state starts at zero',
        ).conflicts('resume'),
      )
      .option('--teacher <model>', 'a folder or a spec, whose logits are the input `teacher` of the `train` block')
      .option('--teacher-weights <path>', 'the weights of a teacher that is a spec: a checkpoint, or a run')
      .option('--validate-every <n>', 'steps from one validation to the next; 0 for none', wholeFrom(0), 100)
      .option('--validate-batches <n>', 'batches of a validation at the most', wholeFrom(1), 16)
      .option('--save-every <n>', 'steps from one checkpoint to the next (default: with each validation)', wholeFrom(1))
      .option('--keep <n>', 'newest checkpoints that are kept', wholeFrom(1), 3)
      .addOption(precisionOption())
      .addOption(deviceOption(', reference'))
      .addOption(threadsOption())
      .addOption(fastOption())
      .addOption(dumpOption())
      .addOption(modelOption())
      .addOption(rootOption())
      .addOption(setOption())
      .action(
        run(async (path: string, options: Options) => {
          try {
            return await action(path, options, typedOptions(command, ['out', 'resume', 'weights', 'dump']), terminal)
          } catch (problem) {
            throw asFailure(problem, options, terminal)
          }
        }),
      ),
}
