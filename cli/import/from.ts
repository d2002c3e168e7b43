/** The spec of a checkpoint, from its config and its weights, if available. */
import { statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { isFormat, type FormatName } from '../../plan/storage/formats.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import { openCheckpoint } from '../../runtime/checkpoint/files.ts'
import { parseJson } from '../../runtime/checkpoint/json.ts'
import { cut, quoted } from '../../runtime/checkpoint/quote.ts'
import { INDEX, SINGLE } from '../../runtime/checkpoint/shards.ts'
import { EXIT, Failure } from '../exit.ts'
import { missingFile, readText } from '../load.ts'
import { openWeights } from '../run/weights.ts'
import type { Terminal } from '../terminal.ts'
import { importGguf } from './gguf/from.ts'
import { importModel, type Imported, type ImportSettings } from './import.ts'
import { isRecord } from './fields.ts'
import type { Layout } from './names/source.ts'
import { rowOf } from './table.ts'
import type { Quantization } from './quantization.ts'
import { checkedModel, checkWeights, headOf } from './weights.ts'

export type ImportedSpec = Imported & { readonly kind: 'spec' }

export const CONFIG = 'config.json'

/** The path of config.json: the given path, or inside it. */
export function configPath(typed: string, terminal: Terminal): string {
  const found = statSync(terminal.path(typed), { throwIfNoEntry: false })
  if (found === undefined) throw missingFile(typed, terminal)
  return found.isDirectory() ? join(typed, CONFIG) : typed
}

/** Throws a Failure for a file that is not there or no JSON. */
export function readConfig(path: string, terminal: Terminal): unknown {
  const text = readText(path, terminal)
  try {
    return parseJson(text)
  } catch (problem) {
    throw new Failure(EXIT.badCheckpoint, `${path} is not JSON: ${cut((problem as Error).message, 160)}`)
  }
}

/** Throws a Failure for a config that is not supported. */
export function specOf(path: string, config: unknown, settings: ImportSettings = {}): ImportedSpec {
  const result = importModel(config, settings)
  if (result.kind === 'unsupported') throw new Failure(EXIT.badCheckpoint, `${path}: ${result.message}`)
  return result
}

/** Written by `peft`: the weights are modified by an adapter when they are loaded. */
const ADAPTER = 'adapter_config.json'

/** The weights beside a config.json; null if there are none or the config has another name. */
async function openBeside(path: string, terminal: Terminal): Promise<Checkpoint | null> {
  const folder = dirname(terminal.path(path))
  const isThere = (name: string): boolean => statSync(join(folder, name), { throwIfNoEntry: false })?.isFile() === true
  if (basename(path) !== CONFIG) return null
  if (isThere(ADAPTER))
    throw new Failure(EXIT.badCheckpoint, `${ADAPTER} is beside '${path}': an adapter changes the weights, and is not read`)
  return isThere(SINGLE) || isThere(INDEX) ? openCheckpoint(folder) : null
}

/** A checkpoint, or the newest one of a run. */
const openNamed = async (typed: string, terminal: Terminal): Promise<Checkpoint> =>
  (await openWeights(typed, { ...terminal, err: () => {} })).checkpoint

const UNCHECKED = 'no safetensors weights are beside the config: their names and shapes were not checked'

/** Names of tensors that hold all experts of a layer, as transformers 5 saves them on request. */
const FUSED = /\.experts\.(gate_up_proj|down_proj)$/

const layoutOf = ({ tensors }: Checkpoint): Layout => ([...tensors.keys()].some((name) => FUSED.test(name)) ? 'fused' : 'hub')

/** The spec for the layout of the files. A head in the file takes precedence over the config. */
async function withFiles(
  path: string,
  config: unknown,
  checkpoint: Checkpoint,
  as: string | undefined,
): Promise<ImportedSpec & { readonly hasCopy: boolean }> {
  const settings = { layout: layoutOf(checkpoint), as }
  const result = specOf(path, config, settings)
  const { tie } = result
  const head = tie?.isTied === true ? await headOf(checkpoint, tie) : 'none'
  if (head !== 'own') return { ...result, hasCopy: head === 'copy' }
  const untied = specOf(path, { ...(config as object), tie_word_embeddings: false }, settings)
  const note = `'tie_word_embeddings' is true, but ${tie?.head} is in the file and differs from the embedding: as in transformers, the head of the file is used`
  return { ...untied, notes: [...untied.notes, note], hasCopy: false }
}

/** Throws a Failure where the config and the files do not agree on how weights are quantised. */
function checkQuantization(path: string, quantized: Quantization | null, { name, tensors }: Checkpoint): void {
  const coded = [...tensors.values()].filter(({ dtype }) => isFormat(dtype))
  const other = coded.find(({ dtype }) => quantized?.formats.includes(dtype as FormatName) !== true)
  const says = quantized === null ? "there is no 'quantization_config'" : `'quant_method' is ${quantized.method}`
  if (other !== undefined)
    throw new Failure(EXIT.badCheckpoint, `${path}: ${says}, and ${quoted(other.name)} of ${name} has codes of ${other.dtype}`)
  if (quantized !== null && coded.length === 0)
    throw new Failure(EXIT.badCheckpoint, `${path}: ${says}, and no weight of ${name} has codes`)
}

export interface ImportOptions {
  /** Whether unread tensors are a note instead of an error. */
  readonly allowUnread?: boolean
  /** The row of the table to take, in the place of the one that `model_type` names. */
  readonly as?: string
  /** The path of the weights to check against, instead of those beside the config. */
  readonly weights?: string
}

const isInTable = (config: unknown, as: string | undefined): boolean => {
  const type = as ?? (isRecord(config) ? config.model_type : undefined)
  return typeof type !== 'string' || rowOf(type) !== undefined
}

/** Refuses an architecture that is not in the table, with the nearest by its fields and the names of its tensors. */
async function refuseUnknown(
  path: string,
  config: unknown,
  as: string | undefined,
  open: () => Promise<Checkpoint | null>,
): Promise<void> {
  const checkpoint = await open()
  try {
    specOf(path, config, { as, tensors: checkpoint?.tensors.keys() })
  } finally {
    await checkpoint?.close()
  }
}

/**
 * The spec of a checkpoint from its folder, its config or a GGUF file, checked against the weights beside the config. Throws a
 * Failure if there is no config or it is not supported, and a WeightError or a CheckpointError for weights that do not fit.
 */
export async function importFrom(
  typed: string,
  { allowUnread = false, weights, as }: ImportOptions,
  terminal: Terminal,
): Promise<ImportedSpec> {
  if (typed.endsWith('.gguf')) {
    if (weights !== undefined || as !== undefined)
      throw new Failure(
        EXIT.usage,
        `--weights and --as do not apply to a GGUF file: '${typed}' has its weights and names its architecture`,
      )
    return importGguf(typed, allowUnread, terminal)
  }
  const path = configPath(typed, terminal)
  const config = readConfig(path, terminal)
  const openFiles = (): Promise<Checkpoint | null> =>
    weights === undefined ? openBeside(path, terminal) : openNamed(weights, terminal)
  if (!isInTable(config, as)) await refuseUnknown(path, config, as, openFiles)
  // an unsupported config is reported before the weights are read
  const alone = specOf(path, config, { as })
  const checkpoint = await openFiles()
  if (checkpoint === null) {
    checkedModel(alone.name, alone.spec, terminal)
    return { ...alone, notes: [...alone.notes, UNCHECKED] }
  }
  try {
    const { hasCopy, ...result } = await withFiles(path, config, checkpoint, as)
    checkQuantization(path, result.quantized, checkpoint)
    const isIgnorable = (tensor: string): boolean =>
      (hasCopy && tensor === result.tie?.head) || result.ignorable.some((pattern) => pattern.test(tensor))
    const unread = checkWeights(result.name, result.spec, checkpoint, { isIgnorable, allowUnread }, terminal)
    return unread === null ? result : { ...result, notes: [...result.notes, unread] }
  } finally {
    await checkpoint.close()
  }
}
