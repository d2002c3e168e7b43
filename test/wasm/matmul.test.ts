/** Matmuls in WebAssembly: against sums in f64, and the same bits however the work is divided. */
import fc from 'fast-check'
import { expect, it, test } from 'vitest'
import { createRandom, normal } from '../../cli/random.ts'
import { parseKernel } from '../../compiler/kernel/ir/parse.ts'
import { CPU, WIDE_CPU } from '../../plan/target.ts'
import { tilesFor, type DotTile } from '../../plan/tiles.ts'
import { chain, F32 } from '../../compiler/reference/precision.ts'
import { assertProperty } from '../support/property.ts'
import { inRun, MORE_IN_LONG } from '../support/runs.ts'
import { storageIn, storageText, type FormatName } from '../../plan/storage/formats.ts'
import { ALIKE, DISTINCT, randomStored } from '../support/stored-weights.ts'
import { createWasmKernel } from '../support/wasm-kernel.ts'

type Layout = 'k' | 'mn'

/** A kernel with two right operands, and the values of its buffers. */
interface Sample {
  readonly text: string
  readonly buffers: Readonly<Record<string, ArrayLike<number>>>
  /** Left and right element of a term, and the terms of an element: null where a row is not written. */
  readonly terms: (row: number, column: number) => readonly (readonly [number, number, number])[] | null
  readonly rows: number
  readonly columns: number
}

interface Sizes {
  readonly rows: number
  readonly columns: number
  readonly k: number
  readonly left: Layout
  readonly right: Layout
  readonly seed: number
}

const EXPERTS = 3
const TILE = 5
const range = (length: number): readonly number[] => Array.from({ length }, (_, i) => i)
const floats = (count: number, seed: number): readonly number[] => {
  const next = createRandom(seed)
  return range(count).map(() => Math.fround(normal(next, 1)))
}

const textOf = (buffers: Readonly<Record<string, ArrayLike<number>>>, written: number, lines: readonly string[]): string =>
  [
    'kernel "products" template "matmul"',
    ...Object.entries(buffers).map(
      ([name, { length }]) => `read @${name}: ${name === 'x' || name[0] === 'w' ? 'f32' : 'i32'}[${length}]`,
    ),
    `read_write @y: f32[${written}]`,
    `read_write @y2: f32[${written}]`,
    ...lines,
  ].join('\n')

const epilogue = (columns: number): readonly string[] => [
  'epilogue {',
  `  @y[row * ${columns}u + column] = sum0`,
  `  @y2[row * ${columns}u + column] = sum1 + 1.0`,
  '}',
]

/** All right operands of one expert, one after the other. */
const rightLine = (name: string, layout: Layout, columns: number, k: number): string =>
  layout === 'k'
    ? `right @${name} k_major at (expert * ${columns}u + column) * ${k}u`
    : `right @${name} mn_major at expert * ${columns * k}u stride [${columns}]`

const rightAt = (layout: Layout, { columns, k }: Sizes, expert: number, column: number, at: number): number =>
  layout === 'k' ? (expert * columns + column) * k + at : expert * columns * k + at * columns + column

function dense(sizes: Sizes): Sample {
  const { rows, columns, k, left, right, seed } = sizes
  const [x, w, w2] = [rows * k, columns * k, columns * k].map((count, at) => floats(count, seed + at))
  const leftLine = left === 'k' ? `left @x k_major at row * ${k}u` : `left @x mn_major at 0u stride [${rows}]`
  const buffers = { x, w, w2 }
  const text = textOf(buffers, rows * columns, [
    `matmul [${rows}] [${columns}] [${k}]`,
    'experts dense',
    'sum_over all',
    leftLine,
    rightLine('w', right, columns, k),
    rightLine('w2', right, columns, k),
    ...epilogue(columns),
  ])
  const terms = (row: number, column: number): readonly (readonly [number, number, number])[] =>
    range(k).map((at) => {
      const place = rightAt(right, sizes, 0, column, at)
      return [x[left === 'k' ? row * k + at : at * rows + row], w[place], w2[place]]
    })
  return { text, buffers, terms, rows, columns }
}

const expertsOf = (rows: number, seed: number): readonly number[] => {
  const next = createRandom(seed)
  return range(rows).map(() => Math.floor(next() * (EXPERTS + 1)))
}

/** Rows by expert, then each tile's expert and first place, as `sort_by_expert` has them. */
function orderOf(experts: readonly number[]): readonly number[] {
  const sorted = range(EXPERTS).map((expert) => range(experts.length).filter((row) => experts[row] === expert))
  const rows = sorted.flat()
  const tiles: number[] = []
  let first = 0
  sorted.forEach((own, expert) => {
    for (let at = 0; at < own.length; at += TILE) tiles.push(expert, first + at)
    first += own.length
  })
  const count = Math.ceil(experts.length / TILE) + EXPERTS
  while (tiles.length < 2 * count) tiles.push(-1, rows.length)
  return [...rows, ...range(experts.length - rows.length).map(() => -1), ...tiles]
}

function grouped(grouping: 'lookup' | 'sorted', sizes: Sizes): Sample {
  const { rows, columns, k, right, seed } = sizes
  const bank = EXPERTS * columns * k
  const [x, w, w2] = [rows * k, bank, bank].map((count, at) => floats(count, seed + at))
  const experts = expertsOf(rows, seed + 3)
  const buffers = { x, w, w2, ids: grouping === 'lookup' ? experts : orderOf(experts) }
  const text = textOf(buffers, rows * columns, [
    `matmul [${rows}] [${columns}] [${k}]`,
    grouping === 'lookup' ? `experts lookup u32(@ids[row]) of ${EXPERTS}` : `experts sorted @ids of ${EXPERTS} tile ${TILE}`,
    'sum_over all',
    `left @x k_major at row * ${k}u`,
    rightLine('w', right, columns, k),
    rightLine('w2', right, columns, k),
    ...epilogue(columns),
  ])
  const terms = (row: number, column: number): readonly (readonly [number, number, number])[] | null =>
    experts[row] === EXPERTS
      ? null
      : range(k).map((at) => {
          const place = rightAt(right, sizes, experts[row], column, at)
          return [x[row * k + at], w[place], w2[place]]
        })
  return { text, buffers, terms, rows, columns }
}

/** For each expert the sum over its rows, of which the right operand's are gathered. */
function weightGradient({ rows, columns, k, seed }: Sizes): Sample {
  const [x, w, w2] = [k * rows, 2 * k * columns, 2 * k * columns].map((count, at) => floats(count, seed + at))
  const experts = expertsOf(k, seed + 3)
  const buffers = { x, w, w2, ids: orderOf(experts) }
  const text = textOf(buffers, EXPERTS * rows * columns, [
    `matmul [${EXPERTS * rows}] [${columns}] [${k}]`,
    `experts batched [${EXPERTS}]`,
    `sum_over sorted @ids of ${EXPERTS} tile ${TILE}`,
    `left @x mn_major at 0u stride [${rows}]`,
    `right @w mn_major at 0u stride [${columns}] gather k_index * 2u`,
    `right @w2 mn_major at 0u stride [${columns}] gather k_index * 2u`,
    ...epilogue(columns),
  ])
  const terms = (row: number, column: number): readonly (readonly [number, number, number])[] =>
    range(k)
      .filter((at) => experts[at] === Math.floor(row / rows))
      .map((at) => [x[at * rows + (row % rows)], w[2 * at * columns + column], w2[2 * at * columns + column]])
  return { text, buffers, terms, rows: EXPERTS * rows, columns }
}

/** The same products with some operands in a format: the kernel's text, and the bytes of buffers by their names. */
function inFormat(sample: Sample, format: FormatName, rows: Readonly<Record<string, number>>, seed: number): StoredSample {
  const bytes: Record<string, Uint8Array> = {}
  const buffers: Record<string, ArrayLike<number>> = { ...sample.buffers }
  let { text } = sample
  for (const [name, row] of Object.entries(rows)) {
    const { length } = sample.buffers[name]
    const stored = randomStored(format, [length / row, row], seed + name.length)
    bytes[name] = stored.bytes
    buffers[name] = stored.values
    text = text.replace(`@${name}: f32[${length}]`, `@${name}: f32[${length}] as ${storageText(storageIn(format, row))}`)
  }
  return { plain: { ...sample, buffers }, stored: { ...sample, text, buffers: { ...buffers, ...bytes } } }
}

interface StoredSample {
  readonly plain: Sample
  readonly stored: Sample
}

/** Runs the workgroups divided at these places, the last part first. */
function results({ text, buffers }: Sample, places: readonly number[], dot: DotTile): readonly Float64Array[] {
  const kernel = createWasmKernel(parseKernel(text), {}, dot)
  for (const [name, values] of Object.entries(buffers)) kernel.write(name, values)
  for (const name of ['y', 'y2']) kernel.write(name, kernel.read(name).fill(NaN))
  const cuts = [0, ...places.map((place) => place % (kernel.workgroups + 1)).sort((a, b) => a - b), kernel.workgroups]
  for (const at of range(cuts.length - 1).toReversed()) kernel.run(cuts[at], cuts[at + 1])
  return ['y', 'y2'].map(kernel.read)
}

function checkSample(sample: Sample, places: readonly number[], dot: DotTile): void {
  const [y, y2] = results(sample, [], dot)
  const divided = results(sample, places, dot)
  expect(divided).toEqual([y, y2])
  // of many elements, some of each row and column
  const step = 1 + 2 * Math.floor((sample.rows * sample.columns * (sample.terms(0, 0)?.length ?? 0)) / 1e5)
  for (let at = 0; at < sample.rows * sample.columns; at += step) {
    const [row, column] = [Math.floor(at / sample.columns), at % sample.columns]
    const terms = sample.terms(row, column)
    ;[y, y2].forEach((got, p) => {
      const value = got[at]
      if (terms === null) return expect(value).toBeNaN()
      const sum = terms.reduce((total, term) => total + term[0] * term[1 + p], p)
      const size = terms.reduce((total, term) => total + Math.abs(term[0] * term[1 + p]), p)
      if (!(Math.abs(value - sum) <= size * chain(terms.length + 2, F32)))
        throw new Error(`${p}: [${row}, ${column}] is ${value}, not ${sum}\n${sample.text}`)
    })
  }
}

const layouts = fc.constantFrom<Layout>('k', 'mn')
const sizes = fc.record({
  rows: fc.integer({ min: 1, max: 70 }),
  columns: fc.integer({ min: 1, max: 70 }),
  k: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(64, 256, 1023, 1025)),
  left: layouts,
  right: layouts,
  seed: fc.integer({ min: 0, max: 1e6 }),
})
const dots = [CPU, WIDE_CPU].map((target) => tilesFor(target).dot)
const cuts = fc.array(fc.nat(), { maxLength: 4 })

it.each([
  ['dense', dense],
  ['rows that look up their expert', (s: Sizes) => grouped('lookup', s)],
  ['sorted rows', (s: Sizes) => grouped('sorted', s)],
  ['weight gradients', weightGradient],
  [
    'rows that look up their expert, in blocks of several',
    (s: Sizes) => grouped('lookup', { ...s, columns: 5 * s.columns, k: Math.min(s.k, 67) }),
  ],
])('%s', (_, make) => {
  assertProperty(
    fc.property(sizes, cuts, fc.constantFrom(...dots), (size, places, dot) => checkSample(make(size), places, dot)),
    20,
  )
})

it.each<[Layout, DotTile]>([
  ['k', dots[0]],
  ['k', dots[1]],
  ['mn', dots[0]],
])('a row has the same bits alone, right operand %s-major, tile %o', (right, dot) => {
  const sample = dense({ rows: 37, columns: 40, k: 50, left: 'k', right, seed: 5 })
  const [y] = results(sample, [], dot)
  for (const row of [0, 17, 32, 36]) {
    const alone = dense({ rows: 1, columns: 40, k: 50, left: 'k', right, seed: 5 })
    const x = Array.from(sample.buffers.x).slice(row * 50, (row + 1) * 50)
    const buffers = { ...alone.buffers, x, w: sample.buffers.w, w2: sample.buffers.w2 }
    expect(results({ ...alone, buffers }, [], dot)[0]).toEqual(y.slice(row * 40, (row + 1) * 40))
  }
})

test('few rows have the bits of packed operands, which those at a distance that is open have', () => {
  const sample = grouped('lookup', { rows: 7, columns: 300, k: 27, left: 'k', right: 'mn', seed: 9 })
  const open = createWasmKernel(parseKernel(sample.text.replaceAll('stride [300]', 'stride [D]')), { D: 300 })
  for (const [name, values] of Object.entries(sample.buffers)) open.write(name, values)
  for (const name of ['y', 'y2']) open.write(name, open.read(name).fill(NaN))
  open.run()
  expect(['y', 'y2'].map(open.read)).toEqual(results(sample, [], dots[0]))
})

/** The weight gradient alone, over the same rows, in a buffer that it alone writes. */
function storedAlone(sample: Sample): string {
  const isSecond = (line: string): boolean => /@w2|@y2/.test(line)
  return sample.text.replaceAll(/.*\n/g, (line) => (isSecond(line) ? '' : line))
}

const lists = fc.array(fc.integer({ min: 0, max: EXPERTS }), { minLength: 1, maxLength: 12 })

test('weight gradients of few rows and of none have the bits of those with a packed operand, whatever was there before', () => {
  assertProperty(
    fc.property(sizes, fc.constantFrom(16, 32, 48), fc.array(lists, { minLength: 2, maxLength: 5 }), (size, columns, batches) => {
      const most = Math.max(...batches.map(({ length }) => length))
      const sample = weightGradient({ ...size, columns, k: most })
      const alone = createWasmKernel(parseKernel(storedAlone(sample)), {})
      alone.write('x', sample.buffers.x)
      alone.write('w', sample.buffers.w)
      alone.write('y', alone.read('y').fill(NaN))
      for (const batch of batches) {
        const ids = orderOf([...batch, ...range(most - batch.length).map(() => EXPERTS)])
        alone.write('ids', ids)
        alone.run()
        const [y] = results({ ...sample, buffers: { ...sample.buffers, ids } }, [], dots[0])
        expect(alone.read('y')).toEqual(y)
      }
    }),
    20,
  )
})

test('a block of zeros that a kernel left is not written again', () => {
  const sample = weightGradient({ rows: 40, columns: 48, k: 3, left: 'mn', right: 'mn', seed: 3 })
  const kernel = createWasmKernel(parseKernel(storedAlone(sample)), {})
  kernel.write('x', sample.buffers.x)
  kernel.write('w', sample.buffers.w)
  const runFor = (experts: readonly number[]): Float64Array => {
    kernel.write('ids', orderOf(experts))
    kernel.run()
    return kernel.read('y')
  }
  const expert = 40 * 48
  runFor([0, 0, 2])
  kernel.write('y', kernel.read('y').fill(7))
  const again = runFor([0, 0, 2])
  expect(again.subarray(expert, 2 * expert).every((value) => value === 7)).toBe(true)
  expect([...again.subarray(0, expert), ...again.subarray(2 * expert)]).not.toContain(7)
  expect(
    runFor([1, 1, 1])
      .subarray(0, expert)
      .every((value) => value === 0),
  ).toBe(true)
})

const few = (_: unknown, at: number): boolean => at % 3 === 0
const others = [...ALIKE, ...DISTINCT.filter((_, at) => !few(_, at))]

it.each(inRun({ short: DISTINCT.filter(few), long: others, whole: others }))(
  'operands in %s have the bits of their numbers',
  MORE_IN_LONG,
  (format) => {
    const made = fc.constantFrom(
      dense,
      (s: Sizes) => grouped('lookup', s),
      (s: Sizes) => grouped('sorted', s),
    )
    assertProperty(
      fc.property(sizes, made, fc.boolean(), fc.constantFrom(...dots), (size, make, isLeftStored, dot) => {
        const right = size.right === 'k' ? size.k : size.columns
        const left = make === dense && size.left === 'mn' ? size.rows : size.k
        const { plain, stored } = inFormat(
          make(size),
          format,
          { w: right, w2: right, ...(isLeftStored ? { x: left } : {}) },
          size.seed,
        )
        expect(results(stored, [], dot)).toEqual(results(plain, [], dot))
      }),
      8,
    )
  },
)

test.each([
  ['held', 130],
  ['too many to be held', 4100],
])('columns of bf16 that are %s serve the rows of several workgroups', (_, k) => {
  const sample = grouped('sorted', { rows: 16, columns: 34, k, left: 'k', right: 'k', seed: k })
  const { plain, stored } = inFormat(sample, 'bf16', { w: k, w2: k }, k)
  const [dot] = dots
  const wanted = results(plain, [], dot)
  expect(results(stored, [], dot)).toEqual(wanted)
  expect(results(stored, [1, 3, 4], dot)).toEqual(wanted)
})
