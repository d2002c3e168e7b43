/** What is exported: the folder of a checkpoint, a GGUF file, or a spec with weights and the config of its architecture. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { lower } from '../../compiler/lower/lower.ts'
import type { Model } from '../../compiler/model/model.ts'
import { editJson, writeJson, type JsonEdit } from '../../runtime/checkpoint/json.ts'
import { checkSource, type SpecOptions } from '../checking.ts'
import { refuseErrors } from '../diagnostics.ts'
import { EXIT, Failure } from '../exit.ts'
import type { FieldReport } from '../import/explain.ts'
import { CONFIG, configPath, importFrom, readConfig, specOf, type ImportedSpec } from '../import/from.ts'
import { importModel } from '../import/import.ts'
import { rowOf } from '../import/table.ts'
import { checkedModel } from '../import/weights.ts'
import { readSource, readText } from '../load.ts'
import { isFolder } from '../model/source.ts'
import { weightPorts } from '../run/reference.ts'
import type { Terminal } from '../terminal.ts'
import { fieldOf, setField, valueAt, withFieldsOf, type ChangedConfig, type Config } from './config.ts'
import { refusalOf, type Lowered } from './refusal.ts'

export interface GivenOptions {
  readonly weights?: string
  readonly config?: string
  readonly spec: SpecOptions
}

export interface Given {
  readonly type: string
  /** The model as its checkpoint has it. */
  readonly model: Lowered
  /** The config that was read, as text. */
  readonly text: string
  /** The config of the export, and how it differs from the one that was read. */
  readonly changed: ChangedConfig
  /** As typed. */
  readonly weights: string
  /** The folder whose other files go with the model; null where there is none. */
  readonly folder: string | null
  /** Whether tensors that no weight reads are named as the export names them. */
  readonly hasHubNames: boolean
  /** Channels of a head whose rows are interleaved in the checkpoint, and not on the hub; null where they are not. */
  readonly interleaved: number | null
  readonly notes: readonly string[]
}

export function lowered(model: Model): Lowered {
  const graph = lower(model)
  return { model, graph, ports: weightPorts(graph) }
}

const loweredSpec = ({ name, spec }: ImportedSpec, terminal: Terminal): Lowered => lowered(checkedModel(name, spec, terminal))

/** The model that a config says, in the layout of the hub. Throws a Failure where the importer refuses it. */
export const saidBy = (
  path: string,
  { config }: ChangedConfig,
  terminal: Terminal,
): Lowered & { readonly imported: ImportedSpec } => {
  const imported = specOf(path, config, { layout: 'hub' })
  return { ...loweredSpec(imported, terminal), imported }
}

const isGguf = (typed: string): boolean => typed.endsWith('.gguf')
const isSpec = (typed: string): boolean => typed.endsWith('.smoe') || typed === '-'

/** The model of a GGUF file whose rows are in the order of the hub; null where the file has that order. */
function inHubOrder({ config, gguf, name }: ImportedSpec, terminal: Terminal): Lowered | null {
  if (gguf?.rotates !== 'interleaved') return null
  const turned = importModel(config, { gguf: { ...gguf, rotates: 'half-split' } })
  if (turned.kind === 'unsupported') throw new Error(`${name}: ${turned.message}`)
  return loweredSpec(turned, terminal)
}

const NO_TOKENIZER = 'the tokenizer of a GGUF file is not written: take its files from the checkpoint that it was made of'

/** Fields that hold a real have a fraction. */
function withReals(config: Config, fields: readonly FieldReport[]): string {
  const reals = fields.filter(({ isReal }) => isReal).map(({ field }) => field.split('.'))
  const edits = reals.flatMap((path): readonly JsonEdit[] => {
    const value = valueAt(config, path)
    return typeof value === 'number' ? [{ path, value, isReal: true }] : []
  })
  return editJson(writeJson(config), edits)
}

/** Channels of a head. */
function channelsOf({ ports }: Lowered, { num_attention_heads: heads }: Config): number {
  const queries = ports.find(({ name }) => name === 'layers.0.attention.q')
  return Number(queries?.shape[0]) / Number(heads)
}

async function givenGguf(typed: string, terminal: Terminal): Promise<Given> {
  const imported = await importFrom(typed, {}, terminal)
  const { name: type, config, notes } = imported
  const turned = inHubOrder(imported, terminal)
  const model = turned ?? loweredSpec(imported, terminal)
  // the metadata does not name the class
  const named = { architectures: [rowOf(type)!.architecture], ...config }
  return {
    type,
    model,
    text: withReals(named, imported.fields),
    changed: { config: named, changes: [] },
    weights: typed,
    folder: null,
    hasHubNames: false,
    interleaved: turned === null ? null : channelsOf(model, config),
    notes: [...notes, NO_TOKENIZER],
  }
}

async function givenFolder(typed: string, given: string | undefined, terminal: Terminal): Promise<Given> {
  const imported = await importFrom(typed, { weights: given }, terminal)
  const { name: type, layout, notes } = imported
  const path = configPath(typed, terminal)
  const text = readText(path, terminal)
  const folder = dirname(path)
  return {
    type,
    model: loweredSpec(imported, terminal),
    text,
    // a head of the file counts more than what the config says
    changed: withFieldsOf({ config: readConfig(path, terminal) as Config, changes: [] }, imported.config),
    weights: given ?? folder,
    folder,
    hasHubNames: layout === 'hub',
    interleaved: null,
    notes,
  }
}

/** Parameters of the spec with other values than the config has, each put into its field. */
function withParameters(path: string, base: ImportedSpec, said: Model, given: Model): ChangedConfig {
  const start: ChangedConfig = { config: base.config, changes: [] }
  return said.parameters.reduce((changed, { name, type }) => {
    const [value, isReal] = [said.values[name], type === 'real']
    const own = Object.hasOwn(given.values, name) ? given.values[name] : value
    if (own === value) return changed
    const field = fieldOf(name, base.fields)
    if (field !== null) return setField(changed, base.name, field, own, isReal)
    throw new Failure(
      EXIT.usage,
      `the parameter ${name} is ${String(own)}, and ${String(value)} by ${path}: no field of a '${base.name}' is this number alone`,
    )
  }, start)
}

function givenSpec(typed: string, { weights, config: typedConfig, spec }: GivenOptions, terminal: Terminal): Given {
  if (weights === undefined)
    throw new Failure(EXIT.usage, 'a spec has no weights of its own', 'say where they are with --weights PATH')
  const from = typedConfig ?? weights
  const hasConfig = typedConfig !== undefined || (isFolder(from, terminal) && existsSync(terminal.path(join(from, CONFIG))))
  if (!hasConfig)
    throw new Failure(
      EXIT.usage,
      `there is no ${CONFIG} beside the weights: it names the architecture and what no spec says`,
      'give one with --config DIR, such as the checkpoint that the spec was imported from',
    )
  const source = readSource(typed, terminal)
  const { model, diagnostics } = checkSource(source, spec, terminal)
  refuseErrors(diagnostics, terminal)
  if (model === null) throw new Failure(EXIT.usage, `'${typed}' declares no model`)
  const path = configPath(from, terminal)
  const text = readText(path, terminal)
  const base = specOf(path, readConfig(path, terminal))
  const changed = withParameters(path, base, checkedModel(base.name, base.spec, terminal), model)
  const given = lowered(model)
  const said = saidBy(path, changed, terminal)
  const reason = refusalOf(given, said, { type: base.name, fields: base.fields })
  if (reason !== null) throw new Failure(EXIT.usage, `${typed}: ${reason}`, 'nothing was written')
  const { notes } = said.imported
  const folder = dirname(path)
  return { type: base.name, model: given, text, changed, weights, folder, hasHubNames: false, interleaved: null, notes }
}

/** Throws a Failure where it cannot be exported, before weights are read; a WeightError for weights that do not fit. */
export async function openGiven(typed: string, options: GivenOptions, terminal: Terminal): Promise<Given> {
  if (isSpec(typed)) return givenSpec(typed, options, terminal)
  if (options.config !== undefined) throw new Failure(EXIT.usage, `--config goes with a spec: '${typed}' has a config of its own`)
  if (!isGguf(typed)) return givenFolder(typed, options.weights, terminal)
  if (options.weights !== undefined)
    throw new Failure(EXIT.usage, `--weights does not apply to a GGUF file: '${typed}' has its own`)
  return givenGguf(typed, terminal)
}
