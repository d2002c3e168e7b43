/**
 * `--dump DIR`: what the compiler made of a spec on its way to a device, as text: graphs, lists of kernels, shaders, and an
 * index.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Option } from 'commander'
import type { CompiledProgram } from '../compiler/compile.ts'
import { print } from '../compiler/graph/print.ts'
import type { Graph } from '../compiler/graph/node.ts'
import type { Kernel, Plan, Program, WgslKernel } from '../plan/plan.ts'
import type { Target } from '../plan/target.ts'
import { readRegularSync, textPieces, type FileSet } from '../runtime/files/index.ts'
import { EXIT, Failure } from './exit.ts'
import { describePasses, opChanges } from './explain/passes.ts'
import { directoryOf, writeTogether } from './files.ts'
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
  readonly text: string
  /** What stands in it, for the index. */
  readonly holds: string
}

export const dumpOption = (): Option =>
  new Option(
    '--dump <dir>',
    'writes the graph after each pass, the kernels and their shaders as text to a folder, which must be new or from an earlier --dump',
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
    return [{ name: file, text: print(graph), holds: `the graph after the pass ${pass}: ${words}` }]
  })
  const first = `${name}.${program}.${numbered(0, count)}-before-passes.graph.txt`
  return [{ name: first, text: print(source), holds: `the graph of program ${program} before its passes` }, ...changed]
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

const shaderFiles = ({ name, plan }: Dumped): readonly DumpedFile[] =>
  plan.kernels
    .filter((kernel) => 'wgsl' in kernel)
    .map((kernel) => ({
      name: `${name}.kernel-${numbered(kernel.id, plan.kernels.length)}-${plain(kernel.name)}.wgsl`,
      text: shaderText(kernel, plan),
      holds: dispatchesOf(kernel, plan)[0] ?? 'a shader that no program dispatches',
    }))

function filesOf(dumped: Dumped): readonly DumpedFile[] {
  const { name, graph, programs } = dumped
  return [
    { name: `${name}.graph.txt`, text: print(graph), holds: 'the graph as lowered from the spec' },
    ...programs.flatMap((program) => [
      ...graphFiles(name, program),
      {
        name: `${name}.${program.name}.passes.txt`,
        text: describePasses(program.source, program),
        holds: `what each pass of program ${program.name} changed`,
      },
      {
        name: `${name}.${program.name}.kernels.txt`,
        text: `${program.kernels.trimEnd()}\n`,
        holds: `the dispatches of program ${program.name}, with the template of each kernel`,
      },
    ]),
    ...shaderFiles(dumped),
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
  const index = { name: INDEX, text: indexText(all[0].graph.name, target, files) }
  const set: FileSet = {
    files: [index, ...files].map(({ name, text }) => [name, textPieces(text)] as const),
    ofEarlier: (directory) => earlierFiles(directory) ?? new Set(),
  }
  const message = `wrote ${plural(files.length + 1, 'file')} to ${typed}: ${join(typed, INDEX)} lists them`
  await writeTogether([{ output: directoryOf(typed, set, terminal), message }], terminal)
}
