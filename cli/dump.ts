/**
 * `--dump DIR`: what the compiler made of a spec on its way to a device: graphs, lists of kernels, each kernel as IR and as the
 * code that the device gets, and an index.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Option } from 'commander'
import type { CompiledProgram } from '../compiler/compile.ts'
import { print } from '../compiler/graph/print.ts'
import type { Graph } from '../compiler/graph/node.ts'
import type { Kernel as KernelIr } from '../compiler/kernel/ir/kernel.ts'
import { printKernel } from '../compiler/kernel/ir/print.ts'
import { LANGUAGE, type Kernel, type Plan, type Program, type WgslKernel } from '../plan/plan.ts'
import type { Target } from '../plan/target.ts'
import { readRegularSync, textPieces, type FileSet } from '../runtime/files/index.ts'
import { EXIT, Failure } from './exit.ts'
import { describePasses, opChanges } from './explain/passes.ts'
import { directoryOf, writeTogether } from './files.ts'
import { codeOf } from './kernel-code.ts'
import { plural, table } from './output.ts'
import type { Terminal } from './terminal.ts'

/** One graph with the programs that it is compiled to. */
export interface Dumped {
  /** `run`, or `step` and `update` of training: the names of its files begin so. */
  readonly name: string
  readonly graph: Graph
  readonly programs: readonly CompiledProgram[]
  readonly plan: Plan
}

interface DumpedFile {
  readonly name: string
  /** Bytes where it is no text. */
  readonly contents: string | Uint8Array
  /** What stands in it, for the index. */
  readonly holds: string
}

export const dumpOption = (): Option =>
  new Option(
    '--dump <dir>',
    'writes the graph after each pass, the kernels and their code to a folder, which must be new or from an earlier --dump',
  )

const INDEX = 'index.txt'

/** The first line of an index: a folder that has it was written by `--dump`. */
const HEAD = 'smoe --dump'

/** File names have a limited length. */
const LONGEST = 80

const plain = (name: string): string => name.replaceAll(/[^\w.-]+/g, '-').slice(0, LONGEST)
const numbered = (number: number, count: number): string => String(number).padStart(String(count).length, '0')

/** The graph that a program begins with, and one after each pass that changed it. */
function graphFiles(name: string, { name: program, source, trace }: CompiledProgram): readonly DumpedFile[] {
  const count = trace.length
  const changed = trace.flatMap(({ pass, graph }, at): DumpedFile[] => {
    const before = at === 0 ? source : trace[at - 1].graph
    if (graph === before) return []
    const file = `${name}.${program}.${numbered(at + 1, count)}-${plain(pass)}.graph.txt`
    const changes = opChanges(before, graph)
    const words = changes.length === 0 ? 'the same ops in another arrangement' : changes.join(', ')
    return [{ name: file, contents: print(graph), holds: `the graph after the pass ${pass}: ${words}` }]
  })
  const first = `${name}.${program}.${numbered(0, count)}-before-passes.graph.txt`
  return [{ name: first, contents: print(source), holds: `the graph of program ${program} before its passes` }, ...changed]
}

const programsOf = ({ once, programs }: Plan): readonly Program[] => (once === null ? programs : [once, ...programs])

/** Where a kernel is dispatched: `program few, dispatch 3: layers.0/moe: softmax`. */
const dispatchesOf = (kernel: Kernel, plan: Plan): readonly string[] =>
  programsOf(plan).flatMap(({ name, steps }) =>
    steps.flatMap((step, at) => (step.kernel === kernel.id ? [`program ${name}, dispatch ${at + 1}: ${step.label}`] : [])),
  )

/** A shader under comments that say what it is; its own lines are as the adapter gets them. */
function shaderText(kernel: WgslKernel, plan: Plan): string {
  const places = kernel.places.map(
    ({ place: { path, line, column, instance } }) => `${path}:${line}:${column}${instance === '' ? '' : ` in ${instance}`}`,
  )
  const facts = [
    `kernel ${kernel.name}, template ${kernel.template}: ${kernel.reason}`,
    ...places.map((place) => `computes ${place}`),
    ...dispatchesOf(kernel, plan),
  ]
  return `${facts.map((fact) => `// ${fact}\n`).join('')}\n${kernel.wgsl}`
}

/** Id of a kernel of the plan -> the kernel in the IR that it was first emitted from. */
function irOf({ plan, programs }: Dumped): ReadonlyMap<number, KernelIr> {
  const steps = programsOf(plan).map(({ steps }) => steps)
  // programs stand in the order of the plan's, kernels in that of their steps
  const all = programs.flatMap(({ schedule }, at) =>
    schedule.kernels.map((kernel, step) => [steps[at][step].kernel, kernel] as const),
  )
  return new Map(all.reverse())
}

function kernelFiles(dumped: Dumped): readonly DumpedFile[] {
  const { name, plan } = dumped
  const ir = irOf(dumped)
  return plan.kernels.flatMap((kernel): readonly DumpedFile[] => {
    const file = `${name}.kernel-${numbered(kernel.id, plan.kernels.length)}-${plain(kernel.name)}`
    const holds = dispatchesOf(kernel, plan)[0] ?? 'a kernel that no program dispatches'
    const code = 'wgsl' in kernel ? shaderText(kernel, plan) : codeOf(kernel)
    const source = ir.get(kernel.id)
    return [
      ...(source === undefined ? [] : [{ name: `${file}.ir.txt`, contents: printKernel(source), holds: `the IR of ${holds}` }]),
      { name: `${file}.${LANGUAGE[plan.target]}`, contents: code, holds },
    ]
  })
}

function filesOf(dumped: Dumped): readonly DumpedFile[] {
  const { name, graph, programs } = dumped
  return [
    { name: `${name}.graph.txt`, contents: print(graph), holds: 'the graph as lowered from the spec' },
    ...programs.flatMap((program) => [
      ...graphFiles(name, program),
      {
        name: `${name}.${program.name}.passes.txt`,
        contents: describePasses(program.source, program),
        holds: `what each pass of program ${program.name} changed`,
      },
      {
        name: `${name}.${program.name}.kernels.txt`,
        contents: `${program.kernels.trimEnd()}\n`,
        holds: `the dispatches of program ${program.name}, with the template of each kernel`,
      },
    ]),
    ...kernelFiles(dumped),
  ]
}

function indexText(model: string, target: Target, files: readonly DumpedFile[]): string {
  return `${HEAD}: ${model} for ${target.name}\n\n${table([['file', 'holds'], ...files.map(({ name, holds }) => [name, holds])])}`
}

/** Larger files are no indexes. */
const LARGEST = 2 ** 24

/** The files of an earlier dump in a folder; null where none wrote it. */
function earlierFiles(directory: string): ReadonlySet<string> | null {
  try {
    const [head, ...lines] = readRegularSync(join(directory, INDEX), LARGEST).toString('utf8').split('\n')
    if (!head.startsWith(HEAD)) return null
    return new Set([INDEX, ...lines.slice(2).flatMap((line) => (line === '' ? [] : [line.split(' ', 1)[0]]))])
  } catch {
    return null
  }
}

/** Throws a Failure for a folder that holds files and was not written by `--dump`. */
function checkFolder(typed: string, terminal: Terminal): void {
  const path = terminal.path(typed)
  if (!existsSync(path) || earlierFiles(path) !== null) return
  const isEmpty = (): boolean => {
    try {
      return readdirSync(path).length === 0
    } catch {
      // what is no folder is refused where it is written
      return true
    }
  }
  if (!isEmpty())
    throw new Failure(
      EXIT.usage,
      `'${typed}' holds files that --dump did not write`,
      'give --dump a new folder, or one that an earlier --dump wrote: nothing was written',
    )
}

/** Writes the folder of `--dump`; does nothing without one. Throws a Failure or a FileError. */
export async function writeDump(
  typed: string | undefined,
  target: Target,
  dumped: () => readonly Dumped[],
  terminal: Terminal,
): Promise<void> {
  if (typed === undefined) return
  checkFolder(typed, terminal)
  const all = dumped()
  const files = all.flatMap(filesOf)
  const index = { name: INDEX, contents: indexText(all[0].graph.name, target, files) }
  const set: FileSet = {
    files: [index, ...files].map(({ name, contents }) => [name, textPieces(contents)] as const),
    ofEarlier: (directory) => earlierFiles(directory) ?? new Set(),
  }
  const message = `wrote ${plural(files.length + 1, 'file')} to ${typed}: ${join(typed, INDEX)} lists them`
  await writeTogether([{ output: directoryOf(typed, set, terminal), message }], terminal)
}
