/** How each op's parameters are written: `print` and `read` are inverse, so the text also tells equal parameters. */
import { constantValue, type Dim } from '../../plan/dim.ts'
import { roleText, type VariableRole } from '../../plan/output-role.ts'
import { isFormat } from '../../plan/storage/formats.ts'
import { BINARY_OPCODES, UNARY_OPCODES, type BinaryOpcode, type UnaryOpcode } from '../scalar/operations.ts'
import type { Cursor } from './cursor.ts'
import { readVariableRole } from './role.ts'
import type { DType, OpName, OpParams, WeightSource } from './vocabulary.ts'

interface ResultType {
  readonly shape: readonly Dim[]
  readonly dtype: DType
}

type Codec<T> =
  | { readonly kind: 'written'; readonly print: (value: T) => string; readonly read: (cursor: Cursor) => T }
  /** Not written: the type of the result says it. */
  | { readonly kind: 'implied'; readonly from: (result: ResultType) => T }

type Codecs = { readonly [N in OpName]: { readonly [P in keyof OpParams[N]]: Codec<OpParams[N][P]> } }

/** `-0`, `inf` and `nan` keep their identity. */
export function numberText(value: number): string {
  if (Object.is(value, -0)) return '-0'
  if (Number.isFinite(value)) return String(value)
  return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf'
}

const written = <T>(print: (value: T) => string, read: (cursor: Cursor) => T): Codec<T> => ({ kind: 'written', print, read })
const implied = <T>(from: (result: ResultType) => T): Codec<T> => ({ kind: 'implied', from })

function listOf<T>(print: (item: T) => string, read: (cursor: Cursor) => T): Codec<readonly T[]> {
  return written(
    (items) => `[${items.map(print).join(', ')}]`,
    (cursor) => cursor.list(() => read(cursor)),
  )
}

const string: Codec<string> = written(
  (text) => JSON.stringify(text),
  (cursor) => cursor.string(),
)
const number: Codec<number> = written(numberText, (cursor) => cursor.number())
const numbers: Codec<readonly number[]> = listOf(numberText, (cursor) => cursor.number())
const dims: Codec<readonly Dim[]> = listOf(
  (size) => size.key,
  (cursor) => cursor.dim(),
)
const pairs: Codec<readonly (readonly [number, number])[]> = listOf(
  ([a, b]) => `[${a}, ${b}]`,
  (cursor) => {
    const pair = cursor.list(() => cursor.number())
    return pair.length === 2 ? [pair[0], pair[1]] : cursor.fail('a pair has two axes')
  },
)

type Piece = WeightSource['pieces'][number]
type Slice = Piece['slices'][number]

function sliceText(slice: Slice): string {
  switch (slice.kind) {
    case 'all':
      return ':'
    case 'index':
      return String(slice.at)
    case 'range':
      return `${slice.start}:${slice.stop ?? ''}:${slice.step}`
    default:
      return slice satisfies never
  }
}

function readSlice(cursor: Cursor): Slice {
  if (cursor.takes(':')) return { kind: 'all' }
  const start = cursor.number()
  if (!cursor.takes(':')) return { kind: 'index', at: start }
  if (cursor.takes(':')) return { kind: 'range', start, stop: null, step: cursor.number() }
  const stop = cursor.number()
  cursor.expect(':')
  return { kind: 'range', start, stop, step: cursor.number() }
}

const pieceText = ({ tensor, slices, transpose }: Piece): string =>
  `${JSON.stringify(tensor)}${slices.length === 0 ? '' : `[${slices.map(sliceText).join(', ')}]`}${transpose ? '.T' : ''}`

/** A `[` right after the tensor's name begins its slices; a list separator never does. */
function readPiece(cursor: Cursor): Piece {
  const tensor = cursor.string()
  const slices = cursor.looksAt('[') ? cursor.list(() => readSlice(cursor)) : []
  return { tensor, slices, transpose: cursor.takes('.T') }
}

/** `["a"[:, 0::2].T]`, or `stack ["a", "b"] as bf16`. */
const source: Codec<WeightSource> = written(
  ({ pieces, stacked, format }) =>
    `${stacked ? 'stack ' : ''}[${pieces.map(pieceText).join(', ')}]${format === undefined ? '' : ` as ${format}`}`,
  (cursor) => {
    const stacked = cursor.takes('stack')
    const pieces = cursor.list(() => readPiece(cursor))
    if (!cursor.takes('as')) return { pieces, stacked }
    const format = cursor.word()
    return isFormat(format) ? { pieces, stacked, format } : cursor.fail(`${format} is not a format of weights`)
  },
)

const shape = implied((result) => result.shape)
const sizes = implied<readonly number[]>((result) => result.shape.map((size) => constantValue(size) ?? NaN))
const dtype = implied((result) => result.dtype)
const axis = { axis: number }
const attention = { scale: number, cap: number, before: number, after: number }
const none = {}

const elementwise = Object.fromEntries([...UNARY_OPCODES, ...BINARY_OPCODES].map((op) => [op, none])) as {
  readonly [O in UnaryOpcode | BinaryOpcode]: typeof none
}

const codecs: Codecs = {
  input: { name: string, dtype, shape },
  weight: { name: string, shape, source, doc: string },
  variable: { role: written<VariableRole>(roleText, readVariableRole), shape },
  constant: { dtype, shape: sizes, values: numbers },
  load_time_constant: { name: string, dtype, shape },
  iota: { size: implied((result) => result.shape[0]) },
  ...elementwise,
  stop_gradient: none,
  compute_at_load: { name: string },
  cast: { dtype },
  select: none,
  reshape: { shape },
  transpose: { order: numbers },
  broadcast: { axes: numbers, shape },
  slice: { starts: dims, steps: numbers, sizes: shape },
  concat: axis,
  optimization_barrier: none,
  sum: axis,
  max: axis,
  min: axis,
  contract: { batch: pairs, over: pairs },
  attention,
  attention_lse: attention,
  attention_query_gradient: attention,
  attention_key_gradient: attention,
  attention_value_gradient: attention,
  take: none,
  pick: none,
  top_k: { k: number },
  grouped_matmul: none,
  position_in_expert: { experts: number },
  svd: none,
  append: none,
  grouped_weight_gradient: { experts: number },
  segment_sum: { size: implied((result) => result.shape[0]) },
  random: { shape, stream: number },
  sinkhorn_gradient: { iterations: number, tolerance: number },
  sinkhorn: { iterations: number, tolerance: number },
  expert_histogram: { experts: number, block: number },
  sort_by_expert: { experts: number, block: number, tile: number },
  sinkhorn_step: { tolerance: number, block: number },
  sinkhorn_finish: none,
}

const entries = new Map(
  Object.entries(codecs).map(([op, table]) => [op, Object.entries(table as Record<string, Codec<unknown>>)]),
)

const entriesOf = (op: OpName): readonly (readonly [string, Codec<unknown>])[] => entries.get(op)!

/** Parameters of nodes do not change, and are carried from graph to graph. */
const texts = new WeakMap<object, { readonly op: OpName; readonly text: string }>()

/** `over [[1, 1]]`: every parameter that the result's type does not say, in the order of the table. */
export function paramsText<N extends OpName>(op: N, params: OpParams[N]): string {
  if (!Object.isFrozen(params)) return textOf(op, params)
  const known = texts.get(params)
  if (known?.op === op) return known.text
  const text = textOf(op, params)
  texts.set(params, { op, text })
  return text
}

function textOf<N extends OpName>(op: N, params: OpParams[N]): string {
  const written = entriesOf(op).flatMap(([name, codec]) =>
    codec.kind === 'written' ? [`${name} ${codec.print((params as Record<string, unknown>)[name])}`] : [],
  )
  return written.join(' ')
}

/** Reads the written parameters; the rest is known when the result's type has been read. */
export function readParams<N extends OpName>(op: N, cursor: Cursor): (result: ResultType) => OpParams[N] {
  const known: Record<string, unknown> = {}
  for (const [name, codec] of entriesOf(op)) {
    if (codec.kind === 'implied') continue
    cursor.expect(name)
    known[name] = codec.read(cursor)
  }
  return (result) => {
    const all = entriesOf(op).map(([name, codec]) => [name, codec.kind === 'implied' ? codec.from(result) : known[name]])
    return Object.fromEntries(all) as OpParams[N]
  }
}

export const isOpName = (word: string): word is OpName => Object.hasOwn(codecs, word)

export const OP_NAMES = Object.keys(codecs) as OpName[]
