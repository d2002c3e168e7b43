/**
 * A matrix product that asks nothing of adapter, sizes or alignment: every invocation makes a few rows of a few columns by
 * itself. Where the operands are aligned it reads vectors.
 */
import type { Matmul, Operand } from '../../kernel/ir/matmul.ts'
import type { RoutineText } from '../routine.ts'
import type { Speller } from '../speller.ts'
import { depthAddress, depthNumbers, laneColumn, laneQuads, liesAlongLines, takesQuads, turned } from './lines.ts'
import {
  clampedColumn,
  clampedRow,
  declareSums,
  finishBlock,
  forRowBlocks,
  frameMatmul,
  indent,
  readsVectors,
  upTo,
  type Cut,
  type Parts,
  type RowBlock,
} from './matmul-frame.ts'

export interface PlainTile {
  readonly lanes: number
  readonly rows: number
  /** Columns of a lane. */
  readonly columns: number
}

/** Where operands lie along their lines and are read as vectors, rows and columns of the tile are multiples of four. */
export function emitMatmulPlain(matmul: Matmul, tile: PlainTile, spell: Speller): RoutineText {
  const isVector = readsVectors(matmul)
  const cut = {
    rows: tile.rows,
    columns: tile.columns * tile.lanes,
    lanes: tile.lanes,
    next: 'rows',
    needsSubgroups: false,
    workgroupBytes: 0,
    step: isVector ? 4 : 1,
    width: () => (isVector ? 4 : 1),
  } as const
  return frameMatmul(matmul, cut, spell, (parts) => {
    const sides = sidesOf(matmul, tile, cut, parts, spell)
    return {
      declarations: '',
      statements: [
        ...sides.columns,
        ...forRowBlocks(parts.tiles, tile.rows, (block) => [
          ...sides.rows(block),
          ...sides.prepare,
          ...declareSums(parts, block.rows, tile.columns),
          `for (var k = 0u; k < ${parts.depthUnits}; k++) {`,
          ...indent([...depthNumbers(matmul, cut.step, parts), ...step(sides, tile, parts, block), ...sides.advance], 1),
          '}',
          ...finishBlock(
            parts,
            block,
            upTo(tile.columns).map((v) => `column${v}`),
          ),
        ]),
      ],
    }
  })
}

/** How the operands of a product are read. */
interface Sides {
  readonly columns: readonly string[]
  readonly rows: (block: RowBlock) => readonly string[]
  readonly prepare: readonly string[]
  readonly advance: readonly string[]
  /** Statements from which a row of the left operand is known as `aR`, and a column of a bank as `bP_V`. */
  readonly left: (block: RowBlock) => readonly string[]
  readonly bank: (p: number, v: number) => readonly string[]
}

function sidesOf(matmul: Matmul, tile: PlainTile, cut: Pick<Cut, 'step' | 'width'>, parts: Parts, spell: Speller): Sides {
  const left = leftSide(matmul.left, cut, parts, spell)
  const banks = matmul.products.map((product, p) => bankSide(product, p, cut, parts, spell))
  return {
    columns: columnStarts(matmul, tile, parts, cut.step),
    rows: left.rows,
    prepare: [...left.prepare, ...banks.flatMap((bank) => bank.prepare)],
    advance: [...left.advance, ...banks.flatMap((bank) => bank.advance)],
    left: left.values,
    bank: (p, v) => banks[p].value(v),
  }
}

function leftSide(operand: Operand, cut: Pick<Cut, 'step' | 'width'>, parts: Parts, spell: Speller) {
  const { tiles } = parts
  const none: readonly string[] = []
  if (!liesAlongLines(operand)) {
    return {
      prepare: none,
      advance: none,
      rows: (block: RowBlock) =>
        upTo(block.rows).map((r) => `let left${r} = left_start(${clampedRow(tiles, block.place(`${r}u`))});`),
      values: (block: RowBlock) => upTo(block.rows).map((r) => `let a${r} = ${parts.load(operand, `left${r} + k`)};`),
    }
  }
  const address = depthAddress('left', operand, cut, parts, spell)
  const { prepare, advance } = address
  if (cut.step === 1) {
    return {
      prepare,
      advance,
      rows: (block: RowBlock) =>
        upTo(block.rows).map((r) => `let left${r} = ${tiles.firstLine} + min(${block.place(`${r}u`)}, row_count - 1u);`),
      values: (block: RowBlock) =>
        upTo(block.rows).map((r) => `let a${r} = ${parts.load(operand, `${address.at(0)} + left${r}`)};`),
    }
  }
  return {
    prepare,
    advance,
    rows: (block: RowBlock) =>
      quadsOf(block.rows).map(
        (q) => `let left${q} = (${tiles.firstLine} + min(${block.place(`${4 * q}u`)}, row_count - 4u)) / 4u;`,
      ),
    values: (block: RowBlock) => [
      ...quadsOf(block.rows).flatMap((q) =>
        upTo(4).map((u) => {
          const value = parts.load(operand, `${address.at(u)} + left${q}`)
          // what the depth lacks counts nothing
          return `let l${q}_${u} = ${parts.isPartFull && u > 0 ? `select(vec4<f32>(), ${value}, 4u * k + ${u}u < ${parts.depth.count})` : value};`
        }),
      ),
      ...upTo(block.rows).map(
        (r) =>
          `let a${r} = ${turned(
            upTo(4).map((u) => `l${r >> 2}_${u}`),
            r & 3,
          )};`,
      ),
    ],
  }
}

const quadsOf = (count: number): readonly number[] => upTo(Math.ceil(count / 4))

function bankSide(operand: Operand, p: number, cut: Pick<Cut, 'step' | 'width'>, parts: Parts, spell: Speller) {
  if (!liesAlongLines(operand)) {
    return { prepare: [], advance: [], value: (v: number) => [`let b${p}_${v} = ${parts.load(operand, `bank${p}_${v} + k`)};`] }
  }
  const address = depthAddress(`bank${p}`, operand, cut, parts, spell)
  const value = (v: number): readonly string[] => {
    if (cut.step === 1) return [`let b${p}_${v} = ${parts.load(operand, `${address.at(0)} + line${v}`)};`]
    const vectors = upTo(4).map((u) => `c${p}_${v >> 2}_${u}`)
    const loads =
      (v & 3) > 0 ? [] : vectors.map((vector, u) => `let ${vector} = ${parts.load(operand, `${address.at(u)} + quad${v >> 2}`)};`)
    return [...loads, `let b${p}_${v} = ${turned(vectors, v & 3)};`]
  }
  return { prepare: address.prepare, advance: address.advance, value }
}

function columnStarts(matmul: Matmul, tile: PlainTile, parts: Parts, step: 1 | 4): readonly string[] {
  const inQuads = takesQuads(matmul, step)
  const needsLines = !inQuads && matmul.products.some(liesAlongLines)
  const starts = upTo(tile.columns).flatMap((v) => {
    const inside = clampedColumn(parts, `column${v}`)
    return [
      laneColumn(v, tile.lanes, inQuads),
      ...(needsLines ? [`let line${v} = ${inside};`] : []),
      ...parts.products
        .filter((p) => !liesAlongLines(matmul.products[p]))
        .map((p) => `let bank${p}_${v} = bank${p}_start(expert, ${inside});`),
    ]
  })
  return inQuads ? [...starts, ...laneQuads(tile.columns, tile.lanes, parts)] : starts
}

function step(sides: Sides, tile: PlainTile, parts: Parts, block: RowBlock): readonly string[] {
  const products = upTo(tile.columns).flatMap((v) =>
    parts.products.flatMap((p) => [
      ...sides.bank(p, v),
      ...upTo(block.rows).map((r) => `s${p}_${r}_${v} += ${parts.times(`a${r}`, `b${p}_${v}`)};`),
    ]),
  )
  return [...sides.left(block), ...products]
}
