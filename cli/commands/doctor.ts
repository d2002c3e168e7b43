/** `smoe doctor`: the cpu device, adapters, features, limits, what is missing and the command that brings it. */
import type { Command } from 'commander'
import type { Attempt } from '../../runtime/errors.ts'
import { cacheDirectory, listAdapters, type AdapterReport, type MachineReport } from '../../runtime/dawn/index.ts'
import { DAWN } from '../../runtime/dawn/remedies.ts'
import { describeCpu, type CpuReport } from '../../runtime/node/cpu-report.ts'
import { mayHaveGpu } from '../../runtime/node/gpu-present.ts'
import { formatOption, type CommandModule, type Context, type FormatOption } from '../command.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { bytes, paint, table, writeJson } from '../output.ts'
import type { Terminal } from '../terminal.ts'
import { VERSION } from '../version.ts'

type Rows = readonly (readonly string[])[]

const RELAXED: { readonly [R in CpuReport['relaxedSimd']]: string } = {
  yes: 'relaxed multiply-add with --fast',
  'behind a flag': 'relaxed multiply-add with --fast, by a flag of V8',
  no: 'no relaxed multiply-add',
}

const REVECTORIZER: { readonly [R in CpuReport['revectorizer']]: string } = {
  yes: "vectors of 256 bits with --fast (V8's revectorizer, which passed its test)",
  no: 'vectors of 128 bits: no revectorizer',
  'wrong results': 'vectors of 128 bits: the revectorizer failed its test and is off',
}

const cpuRows = ({
  driver,
  threads,
  simd,
  relaxedSimd,
  revectorizer,
  sharedMemory,
  memory64,
  freeMemory,
  addressSpace,
}: CpuReport): Rows => [
  ['driver', driver],
  ['kernels', `WebAssembly, ${simd ? 'SIMD of 4 numbers' : 'without SIMD: they do not compile here'}, ${RELAXED[relaxedSimd]}`],
  ['', REVECTORIZER[revectorizer]],
  ['threads', `${threads}, ${sharedMemory ? 'over one memory' : 'of which one computes: memory cannot be shared'}`],
  ['memory', `${bytes(freeMemory)} free, ${bytes(addressSpace)} of addresses${memory64 ? '; this platform has memory64' : ''}`],
]

function adapterRows({ driver, software, target }: AdapterReport): Rows {
  const subgroup = target.subgroupSize === null ? 'no fixed subgroup size' : `${target.subgroupSize} invocations a subgroup`
  return [
    ['driver', driver],
    ['kernels', `WGSL, ${software ? 'made for a CPU' : 'made for a GPU'}, ${subgroup}`],
    ['features', target.features.join(' ') || 'none that kernels use'],
    ['workgroup', `${target.maxInvocationsPerWorkgroup} invocations, ${bytes(target.maxWorkgroupStorageBytes)} shared memory`],
    [
      'buffers',
      `${target.maxStorageBuffers} a stage, ${bytes(target.maxBindingBytes)} a binding, ${bytes(target.maxBufferBytes)} each`,
    ],
  ]
}

interface Found extends MachineReport {
  readonly cpu: CpuReport
}

/** GPUs, the cpu device, then adapters that run shaders on the processor: `auto` takes the first. */
function devicesOf({ cpu, adapters }: Found): readonly { readonly name: string; readonly rows: Rows }[] {
  const shown = (software: boolean) =>
    adapters
      .filter((adapter) => adapter.software === software)
      .map((adapter) => ({ name: adapter.name, rows: adapterRows(adapter) }))
  return [...shown(false), { name: cpu.name, rows: cpuRows(cpu) }, ...shown(true)]
}

function deviceLines(name: string, rows: Rows, isDefault: boolean, isColored: boolean): string {
  const used = isDefault ? paint(isColored, 'green', '  <- used by default') : ''
  const indented = table(rows).replaceAll(/^/gm, '  ').trimEnd()
  return `${paint(isColored, 'bold', name)}${used}\n${indented}\n`
}

/** What the absence of `webgpu` means here; empty where it is installed. */
function withoutDawn(attempts: readonly Attempt[]): string {
  const dawn = attempts.find(({ what }) => what === DAWN)
  if (dawn === undefined) return ''
  return mayHaveGpu()
    ? `\nthis machine may have a GPU, which needs the package webgpu: ${dawn.command}\n`
    : '\nthe package webgpu is not needed: this machine has no GPU, and models run and learn on the cpu device\n'
}

const attemptRow = ({ what, found, command }: Attempt): readonly string[] => [
  `  ${what}`,
  found,
  command === null ? '' : `-> ${command}`,
]

function report(found: Found, terminal: Terminal): void {
  const { attempts } = found
  const color = terminal.outHasColor
  terminal.out(
    `smoe ${VERSION}, node ${process.versions.node}, ${process.platform} ${process.arch}, cache ${cacheDirectory() ?? 'nowhere to write'}\n\n`,
  )
  for (const [at, { name, rows }] of devicesOf(found).entries()) terminal.out(`${deviceLines(name, rows, at === 0, color)}\n`)
  terminal.out(`searched for adapters\n${table(attempts.map(attemptRow))}${withoutDawn(attempts)}`)
}

async function examine({ format }: FormatOption, terminal: Terminal): Promise<ExitCode> {
  const found: Found = { cpu: describeCpu(), ...(await listAdapters()) }
  if (format === 'json') {
    const [{ name }] = devicesOf(found)
    writeJson(terminal, { version: VERSION, node: process.versions.node, cache: cacheDirectory(), default: name, ...found })
  } else report(found, terminal)
  return EXIT.ok
}

export const doctor: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    command.addOption(formatOption()).action(run((options: FormatOption) => examine(options, terminal))),
}
