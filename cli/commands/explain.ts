/** `smoe explain SPEC --stage STAGE`: what a spec becomes on its way to kernels. */
import { Option, type Command } from 'commander'
import { print as printGraph } from '../../compiler/graph/print.ts'
import type { Compilation } from '../../compiler/compile.ts'
import { printPlan } from '../../plan/print.ts'
import { PORTABLE } from '../../plan/target.ts'
import { formatOption, modelOption, setOption, type CommandModule, type Context, type FormatOption } from '../command.ts'
import { compileAnyway, type SpecOptions } from '../compilation.ts'
import { chooseTarget, targetOption, type TargetOption } from '../device.ts'
import { refuseErrors } from '../diagnostics.ts'
import { EXIT, Failure, type ExitCode } from '../exit.ts'
import { describeKernels, kernelsJson } from '../explain/kernels.ts'
import { outlineModel } from '../explain/model.ts'
import { describePasses } from '../explain/passes.ts'
import { explainMoe, explainRoutes } from '../explain/route.ts'
import { outline, treeJson } from '../explain/tree.ts'
import { writeJson } from '../output.ts'
import type { Terminal } from '../terminal.ts'

const STAGES = ['ast', 'model', 'graph', 'passes', 'kernels', 'plan', 'route'] as const

type Stage = (typeof STAGES)[number]

interface Options extends SpecOptions, TargetOption, FormatOption {
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

function explainStage(stage: Stage, path: string, compilation: Compilation, { tokens }: Options): Explained {
  const { file, programs } = compilation
  switch (stage) {
    case 'ast': return { text: () => outline(file, 'file'), json: () => treeJson(file) }
    case 'model': {
      const model = need(compilation.model, path)
      return { text: () => outlineModel(model), json: () => outlineModel(model).split('\n') }
    }
    case 'graph': {
      const graph = need(compilation.graph, path)
      return { text: () => `${printGraph(graph).trimEnd()}\n`, json: () => printGraph(graph).split('\n') }
    }
    case 'passes': {
      const graph = need(compilation.graph, path)
      return {
        text: () => programs.map((program) => describePasses(graph, program)).join('\n'),
        json: () => programs.map(({ name, trace }) => ({ program: name, passes: trace.map(({ pass, graph }) => ({ pass, graph: printGraph(graph).split('\n') })) })),
      }
    }
    case 'kernels': {
      const plan = need(compilation.plan, path)
      return { text: () => describeKernels(compilation, plan, tokens), json: () => kernelsJson(plan, tokens) }
    }
    case 'plan': {
      const plan = need(compilation.plan, path)
      return { text: () => printPlan(plan), json: () => plan }
    }
    case 'route': {
      const model = need(compilation.model, path)
      return { text: () => explainRoutes(model), json: () => model.moes.map((moe) => ({ path: moe.path.join('.'), policy: moe.policy.name, lines: explainMoe(moe, model) })) }
    }
    default: return stage satisfies never
  }
}

async function explainSpec(path: string, options: Options, terminal: Terminal): Promise<ExitCode> {
  const target = await chooseTarget(options.target, PORTABLE, terminal)
  const compilation = compileAnyway(path, options, target, terminal)
  // a tree is there whatever is wrong with it
  if (options.stage !== 'ast') refuseErrors(compilation.diagnostics, terminal)
  const { text, json } = explainStage(options.stage, path, compilation, options)
  if (options.format === 'json') writeJson(terminal, json())
  else terminal.out(text())
  return EXIT.ok
}

function wholeNumber(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new Failure(EXIT.usage, `'${text}' is no number of tokens`)
  return value
}

export const explain: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    command
      .argument('<spec>', 'the spec; - is standard input')
      .addOption(new Option('--stage <stage>', 'which stage').choices(STAGES).makeOptionMandatory())
      .addOption(new Option('--tokens <n>', 'only the program that runs for so many tokens').argParser(wholeNumber))
      .addOption(targetOption())
      .addOption(modelOption())
      .addOption(setOption())
      .addOption(formatOption())
      .action(run((path: string, options: Options) => explainSpec(path, options, terminal))),
}
