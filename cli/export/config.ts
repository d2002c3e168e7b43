/** Changes of a config.json: each field is set where it stands, and each change is reported. */
import type { DTypeName } from '../../runtime/checkpoint/dtypes.ts'
import type { FieldReport } from '../import/explain.ts'
import { isRecord } from '../import/fields.ts'
import { rowOf } from '../import/table.ts'

export type Config = Readonly<Record<string, unknown>>

export interface ConfigChange {
  /** Names of fields, outermost first. */
  readonly path: readonly string[]
  /** undefined where the field was not there. */
  readonly from: unknown
  /** undefined where the field is not there any more. */
  readonly value: unknown
  readonly isReal: boolean
}

export interface ChangedConfig {
  readonly config: Config
  readonly changes: readonly ConfigChange[]
}

/** The config with a field, inside of groups; without it where the value is undefined. */
function withValue(config: Config, [name, ...rest]: readonly string[], value: unknown): Config {
  const inner = rest.length === 0 ? value : withValue(isRecord(config[name]) ? config[name] : {}, rest, value)
  if (inner !== undefined) return { ...config, [name]: inner }
  const { [name]: _, ...others } = config
  return others
}

export const valueAt = (config: Config, [name, ...rest]: readonly string[]): unknown => {
  const value = Object.hasOwn(config, name) ? config[name] : undefined
  return rest.length === 0 || value === undefined ? value : valueAt(isRecord(value) ? value : {}, rest)
}

/** Sets a field where it stands; undefined takes it away. */
export function setAt(
  { config, changes }: ChangedConfig,
  path: readonly string[],
  value: unknown,
  isReal = false,
): ChangedConfig {
  const from = valueAt(config, path)
  if (from === value) return { config, changes }
  return { config: withValue(config, path, value), changes: [...changes, { path, from, value, isReal }] }
}

/** Under which names a field of the architecture stands in a config, and where it is put if it is nowhere. */
function placesOf(config: Config, type: string, field: string): readonly (readonly string[])[] {
  const { aliases = {}, inside } = rowOf(type)!
  const [first, ...rest] = field.split('.')
  const names = [first, ...Object.keys(aliases).filter((name) => aliases[name] === first)]
  const around = names.map((name) => [name, ...rest])
  const all = inside === undefined ? around : [...around.map((path) => [inside, ...path]), ...around]
  const there = all.filter((path) => valueAt(config, path) !== undefined)
  return there.length > 0 ? there : [all[0]]
}

/** Sets a field, by the name that the importer reads it by. */
export const setField = (changed: ChangedConfig, type: string, field: string, value: unknown, isReal = false): ChangedConfig =>
  placesOf(changed.config, type, field).reduce((made, path) => setAt(made, path, value, isReal), changed)

/** Sets fields to what they are in another config. */
export const withFieldsOf = (changed: ChangedConfig, other: Config): ChangedConfig =>
  Object.entries(other).reduce(
    (made, [name, value]) =>
      JSON.stringify(valueAt(made.config, [name])) === JSON.stringify(value) ? made : setAt(made, [name], value),
    changed,
  )

/** The field that a parameter of an imported spec is the value of; null where there is none of its own. */
export function fieldOf(parameter: string, fields: readonly FieldReport[]): string | null {
  const said = new RegExp(`(^|; )the parameter ${parameter}(:|;|$)`)
  return fields.find(({ became }) => said.test(became))?.field ?? null
}

const TORCH: Partial<Record<DTypeName, string>> = { F32: 'float32', BF16: 'bfloat16', F16: 'float16' }

const DTYPE_FIELDS = ['dtype', 'torch_dtype']

/** Says the dtype of the weights, under the names that the config has for it. */
export function withDtype(changed: ChangedConfig, type: string, dtype: DTypeName): ChangedConfig {
  const name = TORCH[dtype]
  if (name === undefined) return changed
  const inside = rowOf(type)!.inside
  const all = [
    ...DTYPE_FIELDS.map((field) => [field]),
    ...(inside === undefined ? [] : DTYPE_FIELDS.map((field) => [inside, field])),
  ]
  const there = all.filter((path) => valueAt(changed.config, path) !== undefined)
  return (there.length > 0 ? there : [['dtype']]).reduce((made, path) => setAt(made, path, name), changed)
}

const QUANTIZATION = 'quantization_config'

/** Says how weights are quantised. */
export function withCodes(changed: ChangedConfig, type: string, value: Config): ChangedConfig {
  const inside = rowOf(type)!.inside
  const alone = inside === undefined ? changed : setAt(changed, [inside, QUANTIZATION], undefined)
  return setAt(alone, [QUANTIZATION], value)
}

/** Says that weights are numbers, without codes. */
export function withoutCodes(changed: ChangedConfig, type: string): ChangedConfig {
  const inside = rowOf(type)!.inside
  const all = [[QUANTIZATION], ...(inside === undefined ? [] : [[inside, QUANTIZATION]])]
  return all.reduce((made, path) => setAt(made, path, undefined), changed)
}
