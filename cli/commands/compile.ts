/** `smoe compile SPEC -o DIR`: the plan, its kernels as text, and typed bindings. */
import type { Command } from 'commander'
import { join } from 'node:path'
import { recipeOf } from '../../compiler/recipe.ts'
import type { Kernel, Plan } from '../../plan/plan.ts'
import type { Recipe } from '../../plan/recipe.ts'
import { PORTABLE } from '../../plan/target.ts'
import { formatOption, modelOption, setOption, type CommandModule, type Context, type FormatOption } from '../command.ts'
import { compileSpec, type SpecOptions } from '../compilation.ts'
import { chooseTarget, targetOption, type TargetOption } from '../device.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { writeWhole } from '../files.ts'
import { plural, writeList } from '../output.ts'
import type { Terminal } from '../terminal.ts'

interface Options extends SpecOptions, TargetOption, FormatOption {
  readonly output: string
}

/** `007-gate_up.wgsl`: in the order of their ids, whatever the names hold. */
function kernelFile({ id, name }: Kernel, plan: Plan): string {
  const width = String(plan.kernels.length).length
  return `${String(id).padStart(width, '0')}-${name.replaceAll(/[^\w.-]+/g, '-')}.wgsl`
}

async function filesOf(plan: Plan, recipe: Recipe | null): Promise<readonly (readonly [string, string])[]> {
  // TypeScript's compiler is large: loaded where it is needed
  const { generateBindings } = await import('../../compiler/bindings/generate.ts')
  return [
    ['plan.json', `${JSON.stringify(plan, null, 1)}\n`],
    ...plan.kernels.map((kernel) => [kernelFile(kernel, plan), kernel.wgsl] as const),
    [`${plan.model}.ts`, generateBindings(plan, recipe)],
  ]
}

async function compileTo(path: string, options: Options, terminal: Terminal): Promise<ExitCode> {
  const target = await chooseTarget(options.target, PORTABLE, terminal)
  const { plan, model } = compileSpec(path, options, target, terminal)
  const files = await filesOf(plan, model === null ? null : recipeOf(model))
  for (const [name, text] of files) writeWhole(join(options.output, name), text, terminal)
  writeList(terminal, options.format, files.map(([name]) => join(options.output, name)))
  terminal.err(`${plan.model}: ${plural(plan.kernels.length, 'kernel')}, ${plural(plan.weights.length, 'weight')}, for ${target.name}\n`)
  return EXIT.ok
}

export const compile: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    command
      .argument('<spec>', 'the spec; - is standard input')
      .requiredOption('-o, --output <dir>', 'folder for plan.json, a .wgsl file a kernel, and the bindings')
      .addOption(targetOption())
      .addOption(modelOption())
      .addOption(setOption())
      .addOption(formatOption())
      .action(run((path: string, options: Options) => compileTo(path, options, terminal))),
}
