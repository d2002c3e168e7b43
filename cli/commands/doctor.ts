/** `smoe doctor`: adapters, features, limits, what is missing and the command that brings it. */
import type { Command } from 'commander'
import type { Attempt } from '../../runtime/errors.ts'
import { cacheDirectory, listAdapters, type AdapterReport, type MachineReport } from '../../runtime/dawn/index.ts'
import { formatOption, type CommandModule, type Context, type FormatOption } from '../command.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { bytes, paint, table, writeJson } from '../output.ts'
import type { Terminal } from '../terminal.ts'
import { VERSION } from '../version.ts'

function adapterLines({ name, driver, software, target }: AdapterReport, at: number, isColored: boolean): string {
  const used = at === 0 ? paint(isColored, 'green', '  <- used by default') : ''
  const subgroup = target.subgroupSize === null ? 'no fixed subgroup size' : `${target.subgroupSize} invocations a subgroup`
  const rows = [
    ['driver', driver],
    ['kernels', `${software ? 'made for a CPU' : 'made for a GPU'}, ${subgroup}`],
    ['features', target.features.join(' ') || 'none that kernels use'],
    ['workgroup', `${target.maxInvocationsPerWorkgroup} invocations, ${bytes(target.maxWorkgroupStorageBytes)} shared memory`],
    [
      'buffers',
      `${target.maxStorageBuffers} a stage, ${bytes(target.maxBindingBytes)} a binding, ${bytes(target.maxBufferBytes)} each`,
    ],
  ]
  const indented = table(rows).replaceAll(/^/gm, '  ').trimEnd()
  return `${paint(isColored, 'bold', name)}${used}\n${indented}\n`
}

const attemptRow = ({ what, found, command }: Attempt): readonly string[] => [
  `  ${what}`,
  found,
  command === null ? '' : `-> ${command}`,
]

function report({ adapters, attempts }: MachineReport, terminal: Terminal): void {
  const color = terminal.outHasColor
  terminal.out(
    `smoe ${VERSION}, node ${process.versions.node}, ${process.platform} ${process.arch}, cache ${cacheDirectory() ?? 'nowhere to write'}\n\n`,
  )
  for (const [at, adapter] of adapters.entries()) terminal.out(`${adapterLines(adapter, at, color)}\n`)
  if (adapters.length === 0) terminal.out(`${paint(color, 'red', 'no adapter: models run only with --device reference')}\n\n`)
  terminal.out(`searched\n${table(attempts.map(attemptRow))}`)
}

async function examine({ format }: FormatOption, terminal: Terminal): Promise<ExitCode> {
  const machine = await listAdapters()
  if (format === 'json')
    writeJson(terminal, { version: VERSION, node: process.versions.node, cache: cacheDirectory(), ...machine })
  else report(machine, terminal)
  return machine.adapters.length > 0 ? EXIT.ok : EXIT.noAdapter
}

export const doctor: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    command.addOption(formatOption()).action(run((options: FormatOption) => examine(options, terminal))),
}
