/** `smoe explain SPEC --stage STAGE`: what a spec becomes on its way to kernels. */
import { Option, type Command } from 'commander'
import { print as printGraph } from '../../compiler/graph/print.ts'
import type { Compilation } from '../../compiler/compile.ts'
import { recipeOf } from '../../compiler/recipe.ts'
import { printPlan } from '../../plan/print.ts'
import {
  formatOption,
  modelOption,
  rootOption,
  setOption,
  type CommandModule,
  type Context,
  type FormatOption,
} from '../command.ts'
import { checkAnyway, type CheckedSpec, type SpecOptions } from '../checking.ts'
import { compileAnyway } from '../compilation.ts'
import { chooseTarget, fastOption, targetOption, type TargetOptions } from '../device.ts'
import { refuseErrors } from '../diagnostics.ts'
import { EXIT, Failure, type ExitCode } from '../exit.ts'
import { describeKernels, kernelsJson } from '../explain/kernels.ts'
import { outlineModel } from '../explain/model.ts'
import { describePasses } from '../explain/passes.ts'
import { explainMoe, explainRoutes } from '../explain/route.ts'
import { explainTraining } from '../explain/train.ts'
import { outline, treeJson } from '../explain/tree.ts'
import { writeJson } from '../output.ts'
import { weightFormats, weightsAsOption, type WeightFormatOptions } from '../run/weight-formats.ts'
import type { Terminal } from '../terminal.ts'

const STAGES = ['ast', 'model', 'graph', 'passes', 'kernels', 'plan', 'route', 'train'] as const

type Stage = (typeof STAGES)[number]

interface Options extends SpecOptions, TargetOptions, FormatOption, WeightFormatOptions {
  readonly stage: Stage
  readonly tokens?: number
}

interface Explained {
  readonly text: () => string
  readonly json: () => unknown
}

/** What was not reached because the spec declares no model. */
function need<T>(value: T | null, path: string): T {
  if (value !== null) return value
  throw new Failure(EXIT.usage, `'${path}' declares no model`, 'without one there is only --stage ast')
}

const EARLY = ['ast', 'model', 'route', 'train'] as const satisfies readonly Stage[]

type EarlyStage = (typeof EARLY)[number]

const isEarly = (stage: Stage): stage is EarlyStage => EARLY.some((early) => early === stage)

/** Stages before the graph: words about the spec itself. */
function explainEarly(stage: EarlyStage, path: string, checked: CheckedSpec): Explained {
  if (stage === 'ast') return { text: () => outline(checked.file, 'file'), json: () => treeJson(checked.file) }
  const model = need(checked.model, path)
  if (stage === 'model') return { text: () => outlineModel(model), json: () => outlineModel(model).split('\n') }
  if (stage === 'train') {
    const recipe = recipeOf(model)
    if (recipe === null)
      throw new Failure(
        EXIT.usage,
        `the model ${model.name} in '${path}' has no \`train\` block`,
        'a `train { ... }` in the model does',
      )
    return { text: () => explainTraining(recipe), json: () => recipe }
  }
  return {
    text: () => explainRoutes(model),
    json: () => model.moes.map((moe) => ({ path: moe.path.join('.'), policy: moe.policy.name, lines: explainMoe(moe, model) })),
  }
}

function explainLate(stage: Exclude<Stage, EarlyStage>, path: string, compilation: Compilation, { tokens }: Options): Explained {
  const { programs } = compilation
  const graph = need(compilation.graph, path)
  const plan = need(compilation.plan, path)
  switch (stage) {
    case 'graph':
      return { text: () => printGraph(graph), json: () => printGraph(graph).trimEnd().split('\n') }
    case 'passes':
      return {
        text: () => programs.map((program) => describePasses(graph, program)).join('\n'),
        json: () =>
          programs.map(({ name, trace }) => ({
            program: name,
            passes: trace.map((step) => ({ pass: step.pass, graph: printGraph(step.graph).trimEnd().split('\n') })),
          })),
      }
    case 'kernels':
      return { text: () => describeKernels(compilation, plan, tokens), json: () => kernelsJson(compilation, plan, tokens) }
    case 'plan':
      return { text: () => printPlan(plan), json: () => plan }
    default:
      return stage satisfies never
  }
}

async function explained(stage: Stage, path: string, options: Options, terminal: Terminal): Promise<Explained> {
  if (isEarly(stage)) {
    const checked = checkAnyway(path, options, terminal)
    // a tree is there whatever is wrong with it
    if (stage !== 'ast') refuseErrors(checked.diagnostics, terminal)
    return explainEarly(stage, path, checked)
  }
  const formats = await weightFormats(options, terminal)
  const compilation = compileAnyway(path, options, await chooseTarget(options, terminal), terminal, formats)
  refuseErrors(compilation.diagnostics, terminal)
  return explainLate(stage, path, compilation, options)
}

async function explainSpec(path: string, options: Options, terminal: Terminal): Promise<ExitCode> {
  const { text, json } = await explained(options.stage, path, options, terminal)
  if (options.format === 'json') writeJson(terminal, json())
  else terminal.out(text())
  return EXIT.ok
}

function wholeNumber(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new Failure(EXIT.usage, `'${text}' is not a number of tokens`)
  return value
}

export const explain: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    command
      .argument('<spec>', 'the spec; - is standard input')
      .addOption(new Option('--stage <stage>', 'which stage').choices(STAGES).makeOptionMandatory())
      .addOption(new Option('--tokens <n>', 'only the program that runs for so many tokens').argParser(wholeNumber))
      .option('--weights <path>', 'lays weights out as this checkpoint has them: a .safetensors file or a folder')
      .addOption(weightsAsOption())
      .addOption(targetOption())
      .addOption(fastOption())
      .addOption(modelOption())
      .addOption(rootOption())
      .addOption(setOption())
      .addOption(formatOption())
      .action(run((path: string, options: Options) => explainSpec(path, options, terminal))),
}
