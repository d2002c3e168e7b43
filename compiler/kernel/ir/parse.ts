/** Parses the text of a kernel that `print.ts` writes. */
import { isFormat, type WeightStorage } from '../../../plan/storage/formats.ts'
import { Lines, parseBlock, parseDefinition, parseExpression, type Names } from '../../scalar/parse.ts'
import type { Statement } from '../../scalar/expression.ts'
import { SCALAR_TYPES } from '../../scalar/syntax.ts'
import type { Tokens } from '../../scalar/tokens.ts'
import type { DType } from '../../graph/vocabulary.ts'
import { ATTENTION_BUFFERS, type AttentionRole } from './attention.ts'
import type { Binding, Computation, Kernel, SharedArray } from './kernel.ts'
import type { KRange, Operand, RowGrouping, SortedRows } from './matmul.ts'

const DTYPES: Readonly<Record<DType, true>> = { f32: true, i32: true, bool: true }
const ACCESS = { read: true, read_write: true }

/** The lines of a kernel's text, with the next one in hand; definitions of expressions are taken on the way. */
class Reader {
  readonly lines: Lines
  readonly names: Names = { buffers: new Map(), arrays: new Map(), variables: new Map(), expressions: new Map() }
  line: Tokens

  constructor(text: string) {
    this.lines = new Lines(text)
    this.line = this.lines.next()
  }

  advance(): void {
    this.line.end()
    this.line = this.lines.next()
    while (parseDefinition(this.line, this.names)) this.line = this.lines.next()
  }

  /** `NAME {`, a block of statements and `}`, which end the text. */
  block(name: string): readonly Statement[] {
    this.line.expect(name)
    this.line.expect('{')
    this.line.end()
    const { statements, tail } = parseBlock(this.lines, this.names)
    tail.end()
    return statements
  }
}

const readBuffer = (line: Tokens): string => {
  line.expect('@')
  return line.word()
}

function readStorage(line: Tokens): WeightStorage | null {
  if (!line.takes('as')) return null
  const format = line.word()
  if (!isFormat(format)) return line.fail(`'${format}' is not a format of weights`)
  return line.takes('row') ? { format, row: line.integer() } : { format }
}

function readBinding(reader: Reader): Binding {
  const { line } = reader
  const access = line.oneOf(ACCESS, 'read or read_write')
  const name = readBuffer(line)
  line.expect(':')
  const dtype = line.oneOf(DTYPES, 'a dtype of buffers')
  const binding: Binding = { name, access, dtype, elements: line.dim() }
  const storage = readStorage(line)
  ;(reader.names.buffers as Map<string, DType>).set(name, dtype)
  reader.advance()
  return storage === null ? binding : { ...binding, storage }
}

function readSorted(line: Tokens): SortedRows {
  const buffer = readBuffer(line)
  line.expect('of')
  const experts = line.integer()
  line.expect('tile')
  return { buffer, experts, tile: line.integer() }
}

const GROUPINGS: { readonly [K in RowGrouping['kind']]: (line: Tokens, names: Names) => RowGrouping } = {
  dense: () => ({ kind: 'dense' }),
  batched: (line) => ({ kind: 'batched', batch: line.dim() }),
  lookup: (line, names) => {
    const expert = parseExpression(line, names)
    line.expect('of')
    return { kind: 'lookup', experts: line.integer(), expert }
  },
  sorted: (line) => ({ kind: 'sorted', ...readSorted(line) }),
}

const RANGES: { readonly [K in KRange['kind']]: (line: Tokens) => KRange } = {
  all: () => ({ kind: 'all' }),
  sorted: (line) => ({ kind: 'sorted', ...readSorted(line) }),
}

function readOperand({ line, names }: Reader): Operand {
  const buffer = readBuffer(line)
  const aligned = line.takes('aligned')
  if (line.takes('k_major')) {
    line.expect('at')
    return { layout: 'k-major', buffer, base: parseExpression(line, names), aligned }
  }
  line.expect('mn_major')
  line.expect('at')
  const base = parseExpression(line, names)
  line.expect('stride')
  const stride = line.dim()
  const gather = line.takes('gather') ? parseExpression(line, names) : null
  return { layout: 'mn-major', buffer, base, stride, gather, aligned }
}

function readMatmul(reader: Reader): Computation {
  const [rows, columns, k] = [reader.line.dim(), reader.line.dim(), reader.line.dim()]
  reader.advance()
  reader.line.expect('experts')
  const rowGrouping = GROUPINGS[reader.line.oneOf(GROUPINGS, 'a grouping of rows')](reader.line, reader.names)
  reader.advance()
  reader.line.expect('sum_over')
  const kRange = RANGES[reader.line.oneOf(RANGES, 'a range of K')](reader.line)
  reader.advance()
  reader.line.expect('left')
  const left = readOperand(reader)
  reader.advance()
  const rights: Operand[] = []
  while (reader.line.takes('right')) {
    rights.push(readOperand(reader))
    reader.advance()
  }
  rights.forEach((_, p) => reader.names.variables.set(`sum${p}`, 'f32'))
  return { kind: 'matmul', matmul: { rows, columns, k, kRange, rowGrouping, left, rights, epilogue: reader.block('epilogue') } }
}

function readShared({ line, names }: Reader): SharedArray {
  const name = line.word()
  line.expect(':')
  const type = line.oneOf(SCALAR_TYPES, 'a type')
  line.expect('[')
  const length = line.integer()
  line.expect(']')
  names.arrays.set(name, type)
  return { name, type, length }
}

function readWorkgroups(reader: Reader): Computation {
  const workgroups = reader.line.dim()
  reader.line.expect('of')
  const workgroupSize = reader.line.integer()
  reader.advance()
  const shared: SharedArray[] = []
  while (reader.line.takes('shared')) {
    shared.push(readShared(reader))
    reader.advance()
  }
  return { kind: 'workgroups', workgroups, workgroupSize, shared, body: reader.block('body') }
}

const ROLES: Readonly<Record<AttentionRole, true>> = { forward: true, query_gradient: true, key_gradient: true }

function readNumber(line: Tokens): number {
  const sign = line.takes('-') ? -1 : 1
  if (line.takes('inf')) return sign * Infinity
  const text = line.take()
  return Number.isFinite(Number(text)) ? sign * Number(text) : line.fail(`expected a number, not '${text}'`)
}

function readAttention(reader: Reader): Computation {
  const role = reader.line.oneOf(ROLES, 'a role of a kernel of attention')
  const [B, S, T, G, R] = Array.from({ length: 5 }, () => reader.line.dim())
  const [C, W] = [reader.line.integer(), reader.line.integer()]
  reader.line.expect('rows')
  const rows = reader.line.integer()
  reader.advance()
  reader.line.expect('scores')
  const [scale, cap, before, after] = Array.from({ length: 4 }, () => readNumber(reader.line))
  reader.line.expect('mask')
  const maskAxes = Array.from({ length: 5 }, () => reader.line.integer() === 1)
  const found: [string, string][] = []
  while (!reader.lines.atEnd) {
    reader.advance()
    const name = reader.line.word()
    if (!ATTENTION_BUFFERS.some((known) => known === name)) reader.line.fail(`'${name}' is not a buffer of attention`)
    found.push([name, readBuffer(reader.line)])
  }
  reader.line.end()
  const buffers = Object.fromEntries(found)
  return { kind: 'attention', attention: { role, B, S, T, G, R, C, W, rows, scale, cap, before, after, maskAxes, buffers } }
}

/**
 * The kernel of a text; blank lines and lines that begin with `#` are skipped. Throws a KernelSyntaxError that names the line.
 */
export function parseKernel(text: string): Kernel {
  const reader = new Reader(text)
  reader.line.expect('kernel')
  const name = reader.line.string()
  reader.line.expect('template')
  const template = reader.line.string()
  reader.advance()
  const buffers: Binding[] = []
  while (reader.line.next in ACCESS) buffers.push(readBinding(reader))
  if (reader.line.takes('matmul')) return { name, template, buffers, computation: readMatmul(reader) }
  if (reader.line.takes('attention')) return { name, template, buffers, computation: readAttention(reader) }
  reader.line.expect('workgroups')
  return { name, template, buffers, computation: readWorkgroups(reader) }
}
