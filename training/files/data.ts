/** Reads examples from files. The contents decide the format; text with a name in `.csv` or `.tsv` is a table. */
import { emptyTable } from '../../plan/table.ts'
import { openSafetensors } from '../../runtime/checkpoint/safetensors.ts'
import { bytesSource } from '../../runtime/checkpoint/source.ts'
import { readTensor } from '../../runtime/checkpoint/tensor.ts'
import { FileError } from '../../runtime/errors.ts'
import { readRegular, reasonOf } from '../../runtime/files/index.ts'
import { arrayData, tokenData } from '../data/arrays.ts'
import type { TableOptions } from '../data/csv.ts'
import type { Data } from '../data/data.ts'
import { formatOf } from '../data/format.ts'
import { checkLabels, imageData } from '../data/images.ts'
import { joinData } from '../data/join.ts'
import { parseNpy, type FileArray } from '../data/npy.ts'
import { llmcTokens, rawTokens, type TokenType } from '../data/raw.ts'
import { decodeUtf8, textData } from '../data/text.ts'
import type { Vocabulary } from '../data/vocabulary.ts'
import { DataError } from '../errors.ts'

export interface ReadOptions {
  /** The vocabulary of text; by default the characters of the text. */
  readonly vocabulary?: Vocabulary
  /** Overrides detection: reads files as text, as bytes, or as token ids of a type without a header. */
  readonly as?: 'text' | 'bytes' | TokenType
  /** Options of tables; if any is given, text is read as a table. */
  readonly table?: TableOptions
  /** The name of each file in messages; by default its path. */
  readonly names?: readonly string[]
}

interface FileBytes {
  readonly name: string
  readonly bytes: Uint8Array
}

async function bytesOf(path: string, name: string): Promise<FileBytes> {
  try {
    return { name, bytes: await readRegular(path) }
  } catch (error) {
    throw new DataError(name, null, error instanceof FileError ? error.reason : `cannot be read: ${reasonOf(error)}`)
  }
}

async function arraysOf({ name, bytes }: FileBytes): Promise<Data> {
  const file = await openSafetensors(bytesSource(bytes, name))
  const arrays = emptyTable<FileArray>()
  for (const tensor of file.tensors.keys()) arrays[tensor] = await readTensor(file, tensor)
  return arrayData(arrays, name)
}

type Kind = 'text' | 'bytes' | 'tokens' | 'table' | 'npy' | 'safetensors' | 'llmc16' | 'llmc32'

const LABELS: { readonly [K in Kind]: string } = {
  text: 'text',
  bytes: 'bytes',
  tokens: 'token ids',
  table: 'a table',
  npy: 'an .npy file',
  safetensors: 'a .safetensors file',
  llmc16: 'token ids of llm.c',
  llmc32: 'token ids of llm.c',
}

const isGiven = (table: TableOptions | undefined): boolean =>
  Object.values(table ?? {}).some((option) => option !== undefined && !(Array.isArray(option) && option.length === 0))

/** The format that an option asks for. Throws a DataError if token ids are requested for and the file declares its own type. */
function kindFromOption({ name, bytes }: FileBytes, { as }: ReadOptions): Kind | null {
  if (as === undefined) return null
  if (as === 'text' || as === 'bytes') return as
  const format = formatOf(bytes)
  if (format.kind === 'known')
    throw new DataError(name, null, `is ${LABELS[format.read]}, which declares its own number type: read it without --tokens`)
  return 'tokens'
}

/** Throws a DataError for a known format that is not supported. */
function kindOf(file: FileBytes, options: ReadOptions): Kind {
  const requested = kindFromOption(file, options)
  if (requested !== null) return requested
  const { name, bytes } = file
  const format = formatOf(bytes)
  if (format.kind === 'known') return format.read
  if (format.kind === 'refused') throw new DataError(name, null, `is ${format.what}, which is not supported; ${format.help}`)
  const [, ending] = /\.(npy|safetensors|csv|tsv)$/i.exec(name) ?? []
  if (ending === undefined) return isGiven(options.table) ? 'table' : 'text'
  const known = ending.toLowerCase()
  return known === 'npy' || known === 'safetensors' ? known : 'table'
}

const bytesData = ({ name, bytes }: FileBytes): Data => ({
  kind: 'stream',
  name,
  tokens: Int32Array.from(bytes),
  vocabulary: { kind: 'bytes' },
})

function readTexts(files: readonly FileBytes[], vocabulary: Vocabulary | undefined): Data {
  const texts = files.map(({ name, bytes }) => ({ name, text: decodeUtf8(bytes, name) }))
  return vocabulary?.kind === 'bytes' ? joinData(files.map(bytesData)) : textData(texts, vocabulary)
}

const READERS: { readonly [K in Exclude<Kind, 'text'>]: (file: FileBytes, options: ReadOptions) => Data | Promise<Data> } = {
  bytes: bytesData,
  tokens: ({ name, bytes }, { as }) => rawTokens(bytes, as as TokenType, name),
  llmc16: ({ name, bytes }) => llmcTokens(bytes, 'u16', name),
  llmc32: ({ name, bytes }) => llmcTokens(bytes, 'u32', name),
  table: ({ name, bytes }, { table }) => imageData(decodeUtf8(bytes, name), name, table),
  npy: ({ name, bytes }) => tokenData(parseNpy(bytes, name), name),
  safetensors: arraysOf,
}

function checkKinds(files: readonly FileBytes[], kinds: readonly Kind[], options: ReadOptions): void {
  const other = kinds.findIndex((kind) => kind !== kinds[0])
  if (other >= 0)
    throw new DataError(
      files[other].name,
      null,
      `is ${LABELS[kinds[other]]}, ${files[0].name} is ${LABELS[kinds[0]]}; files that are read together must be of one kind`,
    )
  if (isGiven(options.table) && kinds[0] !== 'table')
    throw new DataError(files[0].name, null, `is ${LABELS[kinds[0]]}, not a table: it has no columns`)
}

/**
 * Reads files of one kind and concatenates them. The default vocabulary of text is its characters. Throws a DataError
 * with the line, and a CheckpointError for an invalid `.safetensors` file.
 */
export async function readData(paths: readonly string[], options: ReadOptions = {}): Promise<Data> {
  if (paths.length === 0) throw new DataError('no file', null, 'was given as training data')
  const files = await Promise.all(paths.map((path, at) => bytesOf(path, options.names?.[at] ?? path)))
  const kinds = files.map((file) => kindOf(file, options))
  checkKinds(files, kinds, options)
  const [kind] = kinds
  if (kind === 'text') return readTexts(files, options.vocabulary)
  const datasets: Data[] = []
  for (const file of files) datasets.push(await READERS[kind](file, options))
  const data = joinData(datasets)
  checkLabels(data)
  return data
}
