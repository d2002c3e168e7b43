/** `--in NAME=FILE[:TENSOR]`: where the inputs of a run come from. */
import { existsSync, statSync } from 'node:fs'
import type { Graph } from '../../compiler/graph/node.ts'
import { closest } from '../../grammar/suggest.ts'
import type { Port as PlanPort, Signature } from '../../plan/plan.ts'
import { emptyTable } from '../../plan/table.ts'
import { openCheckpoint } from '../../runtime/checkpoint/files.ts'
import { readRegular, readRegularSync } from '../../runtime/files/read.ts'
import type { HostData } from '../../runtime/tensors.ts'
import { formatOf, type Format } from '../../training/data/format.ts'
import { parseNpy, type FileArray } from '../../training/data/npy.ts'
import { DataError } from '../../training/errors.ts'
import { EXIT, Failure } from '../exit.ts'
import { missingFile } from '../load.ts'
import type { Terminal } from '../terminal.ts'
import { findTensor, readArray, readTensor } from './tensors.ts'
import type { TextReading } from './text.ts'

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

type Port = Omit<PlanPort, 'buffer'>

/** What inputs are read for, and how text is tokenized. */
export interface Wanted {
  readonly signature: Signature
  /** Its bool inputs are u32 on a device; null where there is none. */
  readonly graph: Graph | null
  readonly read: TextReading
}

const isBool = ({ graph }: Wanted, port: Port): boolean =>
  graph?.inputs.some(({ params }) => params.name === port.name && params.dtype === 'bool') === true

const declared = (wanted: Wanted, port: Port): string => `${isBool(wanted, port) ? 'bool' : port.dtype}[${port.shape.join(', ')}]`

/** Every input given once, and none that the model does not have. */
function checkNames(wanted: Wanted, sources: readonly InputSource[]): void {
  const { signature } = wanted
  const names = signature.inputs.map((port) => port.name)
  for (const [at, { name }] of sources.entries()) {
    if (sources.slice(0, at).some((earlier) => earlier.name === name))
      throw new Failure(EXIT.usage, `input '${name}' is given twice`)
    if (names.includes(name)) continue
    const meant = closest(name, names)
    throw new Failure(
      EXIT.usage,
      `${signature.model} has no input '${name}'`,
      meant === null ? `it has ${names.join(', ') || 'none'}` : `did you mean '${meant}'?`,
    )
  }
  const missing = signature.inputs.filter((port) => !sources.some((source) => source.name === port.name))
  if (missing.length === 0) return
  const list = missing.map((port) => `${port.name}: ${declared(wanted, port)}`).join(', ')
  throw new Failure(
    EXIT.usage,
    `missing ${missing.length === 1 ? 'input' : 'inputs'} ${list}`,
    `give it with --in ${missing[0].name}=FILE[:TENSOR]`,
  )
}

async function readFromCheckpoint({ file, tensor }: InputSource, port: Port, terminal: Terminal): Promise<HostData> {
  const checkpoint = await openCheckpoint(terminal.path(file))
  try {
    return await readTensor(checkpoint, findTensor(checkpoint, port, tensor), port.dtype)
  } finally {
    await checkpoint.close()
  }
}

function npyArray(bytes: Uint8Array, name: string): FileArray {
  try {
    return parseNpy(bytes, name)
  } catch (problem) {
    throw problem instanceof DataError ? new Failure(EXIT.usage, problem.message) : problem
  }
}

/** Tokens of a text in the shape of an input, [S] or [1, S]. Throws a Failure for an input of another type. */
async function readTokens(name: string, bytes: Uint8Array, port: Port, wanted: Wanted): Promise<HostData> {
  const { length } = port.shape
  const isTokens = port.dtype === 'i32' && (length === 1 || length === 2)
  if (!isTokens)
    throw new Failure(
      EXIT.usage,
      `${name} is text, and the input ${port.name}: ${declared(wanted, port)} is not one of tokens`,
      'give it in a .safetensors or .npy file',
    )
  const data = await wanted.read(bytes, name)
  return { shape: length === 1 ? [data.length] : [1, data.length], data }
}

const HEAD = 4096

const formatOfFile = (path: string): Format => formatOf(readRegularSync(path, HEAD), statSync(path).size)

/** Whether a path is read as a checkpoint without detecting its format. */
const isCheckpoint = (path: string): boolean => /\.(safetensors|json)$/.test(path) || !statSync(path).isFile()

async function readInput(source: InputSource, port: Port, wanted: Wanted, terminal: Terminal): Promise<HostData> {
  const { file, tensor } = source
  const path = terminal.path(file)
  if (!existsSync(path)) throw missingFile(file, terminal)
  if (isCheckpoint(path)) return readFromCheckpoint(source, port, terminal)
  const format = formatOfFile(path)
  if (format.kind === 'known' && format.read === 'safetensors') return readFromCheckpoint(source, port, terminal)
  if (tensor !== null) throw new Failure(EXIT.usage, `'${file}' is not a .safetensors file: it has no tensor '${tensor}'`)
  if (format.kind === 'refused' && !format.isText)
    throw new Failure(EXIT.usage, `${file} is ${format.what}, which is not read`, format.help)
  const bytes = await readRegular(path)
  return format.kind === 'known' && format.read === 'npy'
    ? readArray(npyArray(bytes, file), file, port.dtype)
    : readTokens(file, bytes, port, wanted)
}

/** A bool is 0 or 1: a device would treat any other number as 1. */
function checkBool(data: HostData, { file }: InputSource, port: Port): void {
  const stray = data.data.findIndex((value) => value !== 0 && value !== 1)
  if (stray >= 0)
    throw new Failure(EXIT.usage, `${file}: element ${stray} is ${data.data[stray]}, and the input ${port.name} is bool: 0 or 1`)
}

/** Reads all inputs of a plan. Throws a Failure for names, files, tensors and values that do not fit. */
export async function readInputs(
  wanted: Wanted,
  texts: readonly string[],
  terminal: Terminal,
): Promise<Readonly<Record<string, HostData>>> {
  const sources = texts.map((text) => parseInput(text, (file) => existsSync(terminal.path(file))))
  checkNames(wanted, sources)
  const inputs = emptyTable<HostData>()
  for (const port of wanted.signature.inputs) {
    const source = sources.find(({ name }) => name === port.name)
    if (source === undefined) continue
    inputs[port.name] = await readInput(source, port, wanted, terminal)
    if (isBool(wanted, port)) checkBool(inputs[port.name], source, port)
  }
  return inputs
}
