/** `smoe compile SPEC -o DIR`: the plan, its kernels as text, and bindings, typed and as plain JavaScript. */
import type { Command } from 'commander'
import { basename, join } from 'node:path'
import { recipeOf } from '../../compiler/recipe.ts'
import type { Source } from '../../grammar/source.ts'
import { LANGUAGE, type Kernel, type Plan } from '../../plan/plan.ts'
import type { Recipe } from '../../plan/recipe.ts'
import { readRegularSync, textPieces } from '../../runtime/files/index.ts'
import {
  formatOption,
  modelOption,
  rootOption,
  setOption,
  type CommandModule,
  type Context,
  type FormatOption,
} from '../command.ts'
import { checkSource, type SpecOptions } from '../checking.ts'
import { compileSource } from '../compilation.ts'
import { chooseTarget, fastOption, targetOption, type TargetOptions } from '../device.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { directoryOf, writeTogether } from '../files.ts'
import { codeOf } from '../kernel-code.ts'
import { readSource } from '../load.ts'
import { plural, writeList } from '../output.ts'
import { compileContinued, contextOption, sequencesOption, stateOf, type ContextOptions } from '../model/continued.ts'
import { keepApart } from '../overwriting.ts'
import { weightFormats, weightsAsOption, type WeightFormatOptions } from '../run/weight-formats.ts'
import type { Terminal } from '../terminal.ts'

interface Options extends SpecOptions, TargetOptions, FormatOption, WeightFormatOptions, ContextOptions {
  readonly output: string
}

const PLAN = 'plan.json'

/** File names have a limited length; the id keeps them distinct. */
const LONGEST = 100

/** `007-gate_up.wgsl`: in the order of their ids, whatever the names hold. */
function kernelFile({ id, name }: Pick<Kernel, 'id' | 'name'>, { kernels, target }: Pick<Plan, 'kernels' | 'target'>): string {
  const number = String(id).padStart(String(kernels.length).length, '0')
  return `${number}-${name.replaceAll(/[^\w.-]+/g, '-').slice(0, LONGEST)}.${LANGUAGE[target]}`
}

const KERNEL_FILE = /^\d+-[\w.-]*\.(wgsl|wasm)$/

/** The bindings of a model, typed and as plain JavaScript. */
const bindingFiles = (model: string): readonly [typed: string, plain: string] => [`${model}.ts`, `${model}.js`]

/** Larger files are not plans of `smoe compile`. */
const LARGEST = 2 ** 28

/** The files that `smoe compile` wrote with an existing plan; empty if there is no plan. */
function filesOfEarlier(directory: string): ReadonlySet<string> {
  try {
    const plan = JSON.parse(readRegularSync(join(directory, PLAN), LARGEST).toString('utf8')) as Plan
    const { model, kernels, target } = plan
    if (!/^\w+$/.test(model) || !Object.hasOwn(LANGUAGE, target)) return new Set()
    return new Set([PLAN, ...bindingFiles(model), ...kernels.map((kernel) => kernelFile(kernel, plan))])
  } catch {
    return new Set()
  }
}

async function filesOf(plan: Plan, recipe: Recipe | null): Promise<readonly (readonly [string, string | Uint8Array])[]> {
  // TypeScript's compiler is large: loaded where it is needed
  const [{ generateBindings }, { bindingsScript }] = await Promise.all([
    import('../../compiler/bindings/generate.ts'),
    import('../../compiler/bindings/script.ts'),
  ])
  const bindings = generateBindings(plan, recipe)
  const [typed, plain] = bindingFiles(plan.model)
  return [
    [PLAN, `${JSON.stringify(plan, null, 1)}\n`],
    ...plan.kernels.map((kernel) => [kernelFile(kernel, plan), codeOf(kernel)] as const),
    [typed, bindings],
    [plain, bindingsScript(bindings)],
  ]
}

/** Before a device is opened: which kernels there are is not known yet, so a file with the name of any counts as one. */
function refuseOverwriting(source: Source, path: string, options: Options, terminal: Terminal): void {
  const { model } = checkSource(source, options, terminal)
  const name = basename(path)
  const names = [PLAN, ...(model === null ? [] : bindingFiles(model.name)), ...(KERNEL_FILE.test(name) ? [name] : [])]
  keepApart(
    names.map((file) => ['-o', join(options.output, file)] as const),
    [['the spec', path]],
    terminal,
  )
}

async function compileTo(path: string, options: Options, terminal: Terminal): Promise<ExitCode> {
  const state = stateOf(options)
  const source = readSource(path, terminal)
  refuseOverwriting(source, path, options, terminal)
  const target = await chooseTarget(options, terminal)
  const formats = await weightFormats(options, terminal)
  const continued = state === null ? null : compileContinued(source, options, target, terminal, formats, state)
  const { plan, model } = continued ?? compileSource(source, options, target, terminal, formats)
  const files = await filesOf(plan, model === null ? null : recipeOf(model))
  const set = { files: files.map(([name, text]) => [name, textPieces(text)] as const), ofEarlier: filesOfEarlier }
  const message = `${plan.model}: ${plural(plan.kernels.length, 'kernel')}, ${plural(plan.weights.length, 'weight')}, for ${target.name}`
  await writeTogether([{ output: directoryOf(options.output, set, terminal), message }], terminal)
  writeList(
    terminal,
    options.format,
    files.map(([name]) => join(options.output, name)),
  )
  return EXIT.ok
}

export const compile: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    command
      .argument('<spec>', 'the spec; - is standard input')
      .requiredOption('-o, --output <dir>', 'folder for plan.json, a .wgsl or .wasm file a kernel, and the bindings')
      .option('--weights <path>', 'lays weights out as this checkpoint has them: a .safetensors file or a folder')
      .addOption(weightsAsOption())
      .addOption(contextOption('runs continue sequences, of which so many tokens are kept at most'))
      .addOption(sequencesOption('how many sequences are continued together (default: 1)'))
      .addOption(targetOption())
      .addOption(fastOption())
      .addOption(modelOption())
      .addOption(rootOption())
      .addOption(setOption())
      .addOption(formatOption())
      .action(run((path: string, options: Options) => compileTo(path, options, terminal))),
}
