/** `--in NAME=FILE[:TENSOR]`: where the inputs of a run come from. */
import { existsSync } from 'node:fs'
import { closest } from '../../grammar/suggest.ts'
import type { Plan, Port } from '../../plan/plan.ts'
import { emptyTable } from '../../plan/table.ts'
import { openCheckpoint } from '../../runtime/checkpoint/files.ts'
import type { HostData } from '../../runtime/tensors.ts'
import { EXIT, Failure } from '../exit.ts'
import { missingFile } from '../load.ts'
import type { Terminal } from '../terminal.ts'
import { findTensor, readTensor } from './tensors.ts'

export interface InputSource {
  readonly name: string
  readonly file: string
  readonly tensor: string | null
}

/** The last colon parts file and tensor, unless the whole is a file. Throws a Failure for what is no `NAME=FILE`. */
export function parseInput(text: string, exists: (file: string) => boolean): InputSource {
  const [, name, rest] = /^([^=]+)=(.+)$/s.exec(text) ?? []
  if (name === undefined) throw new Failure(EXIT.usage, `'${text}' names no input`, 'write NAME=FILE or NAME=FILE:TENSOR')
  const colon = rest.lastIndexOf(':')
  // a colon at the second place may be that of a drive
  if (colon <= 1 || exists(rest)) return { name, file: rest, tensor: null }
  return { name, file: rest.slice(0, colon), tensor: rest.slice(colon + 1) }
}

const declared = ({ dtype, shape }: Port): string => `${dtype}[${shape.join(', ')}]`

/** Every input given once, and none that the model does not have. */
function checkNames(plan: Plan, sources: readonly InputSource[]): void {
  const names = plan.inputs.map((port) => port.name)
  for (const [at, { name }] of sources.entries()) {
    if (sources.slice(0, at).some((earlier) => earlier.name === name)) throw new Failure(EXIT.usage, `input '${name}' is given twice`)
    if (names.includes(name)) continue
    const meant = closest(name, names)
    throw new Failure(EXIT.usage, `${plan.model} has no input '${name}'`, meant === null ? `it has ${names.join(', ')}` : `did you mean '${meant}'?`)
  }
  const missing = plan.inputs.filter((port) => !sources.some((source) => source.name === port.name))
  if (missing.length === 0) return
  const list = missing.map((port) => `${port.name}: ${declared(port)}`).join(', ')
  throw new Failure(EXIT.usage, `missing ${missing.length === 1 ? 'input' : 'inputs'} ${list}`, `give it with --in ${missing[0].name}=FILE.safetensors[:TENSOR]`)
}

async function readInput({ file, tensor }: InputSource, port: Port, terminal: Terminal): Promise<HostData> {
  if (!existsSync(terminal.path(file))) throw missingFile(file, terminal)
  const checkpoint = await openCheckpoint(terminal.path(file))
  try {
    return await readTensor(checkpoint, findTensor(checkpoint, port, tensor), port.dtype)
  } finally {
    await checkpoint.close()
  }
}

/** Reads all inputs of a plan. Throws a Failure for names, files, tensors and values that do not fit. */
export async function readInputs(plan: Plan, texts: readonly string[], terminal: Terminal): Promise<Readonly<Record<string, HostData>>> {
  const sources = texts.map((text) => parseInput(text, (file) => existsSync(terminal.path(file))))
  checkNames(plan, sources)
  const inputs = emptyTable<HostData>()
  for (const port of plan.inputs) {
    const source = sources.find(({ name }) => name === port.name)
    if (source !== undefined) inputs[port.name] = await readInput(source, port, terminal)
  }
  return inputs
}
