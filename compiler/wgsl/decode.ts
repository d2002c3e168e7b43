/** The WGSL that loads elements of a weight that lies in a format: from words of 32 bits, one element or four neighbours. */
import type { Decoder } from '../../plan/storage/decoder.ts'
import { formatOf, type WeightStorage } from '../../plan/storage/formats.ts'
import { emitLiteral } from './opcodes.ts'

/** A u32 that is known, or the text of one. */
type Word = number | string

const text = (word: Word): string => (typeof word === 'number' ? `${word >>> 0}u` : word)

/** Statements that define each value once, under the name of its place among them. */
interface Statements {
  readonly lines: string[]
  /** The name of a value. */
  readonly define: (value: string) => string
}

function createStatements(): Statements {
  const names = new Map<string, string>()
  const lines: string[] = []
  const define = (value: string): string => {
    const known = names.get(value)
    if (known !== undefined) return known
    const name = `v${names.size}`
    names.set(value, name)
    lines.push(`let ${name} = ${value};`)
    return name
  }
  return { lines, define }
}

/**
 * Bytes of a block: `words` of a buffer from `start` on, which is a number of words where blocks begin with one, else of bytes.
 */
interface Block {
  readonly words: string
  readonly start: string
  readonly isAligned: boolean
}

function createDecoder({ define }: Statements, { words, start, isAligned }: Block): Decoder<Word, string> {
  /** The word with a byte, and the bits before it. */
  const locate = (at: Word): { readonly word: string; readonly bits: Word } => {
    if (typeof at === 'number' && isAligned) {
      const index = at >> 2 === 0 ? start : `${start} + ${at >> 2}u`
      return { word: define(`${words}[${index}]`), bits: (at & 3) * 8 }
    }
    const address = define(`${isAligned ? `4u * ${start}` : start} + ${text(at)}`)
    return { word: define(`${words}[${address} >> 2u]`), bits: define(`(${address} & 3u) << 3u`) }
  }
  const read = (at: Word, mask: number): Word => {
    const { word, bits } = locate(at)
    return define(bits === 0 ? `${word} & ${mask}u` : `(${word} >> ${text(bits)}) & ${mask}u`)
  }
  const both =
    (compute: (a: number, b: number) => number, operator: string) =>
    (a: Word, b: Word): Word =>
      typeof a === 'number' && typeof b === 'number' ? compute(a, b) : define(`${text(a)} ${operator} ${text(b)}`)
  return {
    integer: (value) => value,
    float: (value) => emitLiteral('f32', value),
    byte: (at) => read(at, 0xff),
    half: (at) => read(at, 0xffff),
    add: both((a, b) => (a + b) | 0, '+'),
    and: both((a, b) => a & b, '&'),
    or: both((a, b) => a | b, '|'),
    shiftLeft: both((a, b) => a << b, '<<'),
    shiftRight: both((a, b) => a >>> b, '>>'),
    equal: (a, value) => (typeof a === 'number' ? Number(a === value) : define(`select(0u, 1u, ${a} == ${text(value)})`)),
    choose: (condition, then, otherwise) =>
      typeof condition === 'number'
        ? condition !== 0
          ? then
          : otherwise
        : define(`select(${text(otherwise)}, ${text(then)}, ${condition} != 0u)`),
    chooseFloat: (condition, then, otherwise) =>
      typeof condition === 'number'
        ? condition !== 0
          ? then
          : otherwise
        : define(`select(${otherwise}, ${then}, ${condition} != 0u)`),
    convert: (a) => define(`f32(bitcast<i32>(${text(a)}))`),
    bits: (a) => define(`bitcast<f32>(${text(a)})`),
    plus: (a, b) => define(`${a} + ${b}`),
    times: (a, b) => define(`${a} * ${b}`),
  }
}

/**
 * Statements that return the element at index `i`, or with `vec4` elements 4 i .. 4 i + 3, of the words of a buffer. Four
 * neighbours never part: rows are multiples of four elements where they are loaded so.
 */
export function loadStored({ format, row }: WeightStorage, words: string, i: string, vec4: boolean): readonly string[] {
  const { elements, bytes, decode } = formatOf(format)
  const statements = createStatements()
  const { define } = statements
  const index = define(i)
  const width = vec4 ? 4 : 1
  // elements of which one is its own block follow each other
  const unit = elements === 1 ? width : elements
  const perUnit = unit / width
  const split = (value: string, by: number): readonly [string, Word] =>
    by === 1 ? [value, 0] : [define(`${value} / ${by}u`), define(`${value} % ${by}u`)]
  const locate = (): readonly [block: string, place: Word] => {
    if (row === undefined) return split(index, perUnit)
    const [line, inside] = split(index, row / width)
    const [block, place] = typeof inside === 'number' ? ['0u', 0] : split(inside, perUnit)
    return [define(`${line} * ${Math.ceil(row / elements)}u + ${block}`), place]
  }
  const [block, place] = locate()
  const unitBytes = elements === 1 ? width * bytes : bytes
  const isAligned = unitBytes % 4 === 0
  const start = define(`${block} * ${isAligned ? unitBytes / 4 : unitBytes}u`)
  const decoder = createDecoder(statements, { words, start, isAligned })
  const first = typeof place === 'number' || width === 1 ? place : define(`${place} * ${width}u`)
  const values = Array.from({ length: width }, (_, u) =>
    elements === 1
      ? decode(
          {
            ...decoder,
            byte: (at) => decoder.byte(decoder.add(at, u * bytes)),
            half: (at) => decoder.half(decoder.add(at, u * bytes)),
          },
          0,
        )
      : decode(decoder, decoder.add(first, u)),
  )
  return [...statements.lines, `return ${vec4 ? `vec4<f32>(${values.join(', ')})` : values[0]};`]
}
