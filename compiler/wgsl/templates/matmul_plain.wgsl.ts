/**
 * A matmul that needs nothing of the adapter, the sizes or the alignment: each thread computes a register tile by itself. Aligned
 * operands are loaded as vec4.
 */
import type { Matmul, Operand } from '../../kernel/ir/matmul.ts'
import type { TemplateCode } from '../template-code.ts'
import type { ScalarEmitter } from '../scalar-emitter.ts'
import { kAddress, kIndices, threadColumn, threadVec4Columns, isMnMajor, takesVec4Columns, transposedVec4 } from './mn-major.ts'
import {
  clampedColumn,
  clampedRow,
  declareSums,
  writeBack,
  forRowBlocks,
  emitMatmulEntry,
  indent,
  readsVec4,
  upTo,
  type TileConfig,
  type TemplateContext,
  type RowBlock,
} from './matmul-entry.ts'

export interface PlainTile {
  readonly threads: number
  readonly rows: number
  /** Columns of a thread. */
  readonly columns: number
}

/** For MN-major operands loaded as vec4, the rows and columns of the tile are multiples of four. */
export function emitMatmulPlain(matmul: Matmul, tile: PlainTile, emit: ScalarEmitter): TemplateCode {
  const isVector = readsVec4(matmul)
  const config = {
    rows: tile.rows,
    columns: tile.columns * tile.threads,
    threads: tile.threads,
    rasterAlong: 'rows',
    needsSubgroups: false,
    workgroupBytes: 0,
    kStep: isVector ? 4 : 1,
    loadWidth: () => (isVector ? 4 : 1),
  } as const
  return emitMatmulEntry(matmul, config, emit, (context) => {
    const access = operandAccess(matmul, tile, config, context, emit)
    return {
      declarations: '',
      statements: [
        ...access.columns,
        ...forRowBlocks(context.tiles, tile.rows, (block) => [
          ...access.rows(block),
          ...access.prepare,
          ...declareSums(context, block.rows, tile.columns),
          `for (var k = 0u; k < ${context.kSteps}; k++) {`,
          ...indent([...kIndices(matmul, config.kStep, context), ...step(access, tile, context, block), ...access.advance], 1),
          '}',
          ...writeBack(
            context,
            block,
            upTo(tile.columns).map((v) => `column${v}`),
          ),
        ]),
      ],
    }
  })
}

/** How the operands are loaded. */
interface OperandAccess {
  readonly columns: readonly string[]
  readonly rows: (block: RowBlock) => readonly string[]
  readonly prepare: readonly string[]
  readonly advance: readonly string[]
  /** Statements that define `aR`, a row of the left operand, and `bP_V`, a column of right operand P. */
  readonly left: (block: RowBlock) => readonly string[]
  readonly right: (p: number, v: number) => readonly string[]
}

function operandAccess(
  matmul: Matmul,
  tile: PlainTile,
  config: Pick<TileConfig, 'kStep' | 'loadWidth'>,
  context: TemplateContext,
  emit: ScalarEmitter,
): OperandAccess {
  const left = leftAccess(matmul.left, config, context, emit)
  const rights = matmul.rights.map((product, p) => rightAccess(product, p, config, context, emit))
  return {
    columns: columnStarts(matmul, tile, context, config.kStep),
    rows: left.rows,
    prepare: [...left.prepare, ...rights.flatMap((right) => right.prepare)],
    advance: [...left.advance, ...rights.flatMap((right) => right.advance)],
    left: left.values,
    right: (p, v) => rights[p].value(v),
  }
}

function leftAccess(
  operand: Operand,
  config: Pick<TileConfig, 'kStep' | 'loadWidth'>,
  context: TemplateContext,
  emit: ScalarEmitter,
) {
  const { tiles } = context
  const none: readonly string[] = []
  if (!isMnMajor(operand)) {
    return {
      prepare: none,
      advance: none,
      rows: (block: RowBlock) =>
        upTo(block.rows).map((r) => `let left${r} = left_start(${clampedRow(tiles, block.place(`${r}u`))});`),
      values: (block: RowBlock) => upTo(block.rows).map((r) => `let a${r} = ${context.load(operand, `left${r} + k`)};`),
    }
  }
  const address = kAddress('left', operand, config, context, emit)
  const { prepare, advance } = address
  if (config.kStep === 1) {
    return {
      prepare,
      advance,
      rows: (block: RowBlock) =>
        upTo(block.rows).map((r) => `let left${r} = ${tiles.firstIndex} + min(${block.place(`${r}u`)}, row_count - 1u);`),
      values: (block: RowBlock) =>
        upTo(block.rows).map((r) => `let a${r} = ${context.load(operand, `${address.at(0)} + left${r}`)};`),
    }
  }
  return {
    prepare,
    advance,
    rows: (block: RowBlock) =>
      vec4sOf(block.rows).map(
        (q) => `let left${q} = (${tiles.firstIndex} + min(${block.place(`${4 * q}u`)}, row_count - 4u)) / 4u;`,
      ),
    values: (block: RowBlock) => [
      ...vec4sOf(block.rows).flatMap((q) =>
        upTo(4).map((u) => {
          const value = context.load(operand, `${address.at(u)} + left${q}`)
          // zero behind the end of K
          return `let l${q}_${u} = ${context.hasKTail && u > 0 ? `select(vec4<f32>(), ${value}, 4u * k + ${u}u < ${context.k.count})` : value};`
        }),
      ),
      ...upTo(block.rows).map(
        (r) =>
          `let a${r} = ${transposedVec4(
            upTo(4).map((u) => `l${r >> 2}_${u}`),
            r & 3,
          )};`,
      ),
    ],
  }
}

const vec4sOf = (count: number): readonly number[] => upTo(Math.ceil(count / 4))

function rightAccess(
  operand: Operand,
  p: number,
  config: Pick<TileConfig, 'kStep' | 'loadWidth'>,
  context: TemplateContext,
  emit: ScalarEmitter,
) {
  if (!isMnMajor(operand)) {
    return {
      prepare: [],
      advance: [],
      value: (v: number) => [`let b${p}_${v} = ${context.load(operand, `right${p}_${v} + k`)};`],
    }
  }
  const address = kAddress(`right${p}`, operand, config, context, emit)
  const value = (v: number): readonly string[] => {
    if (config.kStep === 1) return [`let b${p}_${v} = ${context.load(operand, `${address.at(0)} + line${v}`)};`]
    const vectors = upTo(4).map((u) => `c${p}_${v >> 2}_${u}`)
    const loads =
      (v & 3) > 0
        ? []
        : vectors.map((vector, u) => `let ${vector} = ${context.load(operand, `${address.at(u)} + columns4_${v >> 2}`)};`)
    return [...loads, `let b${p}_${v} = ${transposedVec4(vectors, v & 3)};`]
  }
  return { prepare: address.prepare, advance: address.advance, value }
}

function columnStarts(matmul: Matmul, tile: PlainTile, context: TemplateContext, step: 1 | 4): readonly string[] {
  const inVec4 = takesVec4Columns(matmul, step)
  const needsLines = !inVec4 && matmul.rights.some(isMnMajor)
  const starts = upTo(tile.columns).flatMap((v) => {
    const inside = clampedColumn(context, `column${v}`)
    return [
      threadColumn(v, tile.threads, inVec4),
      ...(needsLines ? [`let line${v} = ${inside};`] : []),
      ...context.rights
        .filter((p) => !isMnMajor(matmul.rights[p]))
        .map((p) => `let right${p}_${v} = right${p}_start(expert, ${inside});`),
    ]
  })
  return inVec4 ? [...starts, ...threadVec4Columns(tile.columns, tile.threads, context)] : starts
}

function step(access: OperandAccess, tile: PlainTile, context: TemplateContext, block: RowBlock): readonly string[] {
  const rights = upTo(tile.columns).flatMap((v) =>
    context.rights.flatMap((p) => [
      ...access.right(p, v),
      ...upTo(block.rows).map((r) => `s${p}_${r}_${v} += ${context.times(`a${r}`, `b${p}_${v}`)};`),
    ]),
  )
  return [...access.left(block), ...rights]
}
