/**
 * A matmul for few rows (GEMV, split-K within a workgroup): the threads share the K of a few columns, then reduce their partial
 * sums. The order of the additions depends on the number of threads alone.
 */
import type { Matmul, Operand } from '../../kernel/ir/matmul.ts'
import type { TemplateCode } from '../template-code.ts'
import type { ScalarEmitter } from '../scalar-emitter.ts'
import { hasMnMajor, isMnMajor } from './mn-major.ts'
import {
  clampedRow,
  declareSums,
  forRowBlocks,
  emitMatmulEntry,
  indent,
  isMultiple,
  readsVec4,
  upTo,
  type TileConfig,
  type TemplateContext,
  type RowBlock,
} from './matmul-entry.ts'

export interface VectorTile {
  /** A power of two; the subgroup size where the reduction is a subgroup's. */
  readonly threads: number
  readonly rows: number
  /** Columns of a workgroup. */
  readonly columns: number
  readonly reduceIn: 'subgroup' | 'workgroup'
}

/** Bytes of workgroup memory for the partial sums of all threads. */
export const vectorWorkgroupBytes = (matmul: Matmul, tile: VectorTile): number =>
  tile.reduceIn === 'subgroup' ? 0 : 4 * tile.threads * tile.rows * tile.columns * matmul.rights.length

export function emitMatmulVector(matmul: Matmul, tile: VectorTile, emit: ScalarEmitter): TemplateCode {
  const config = {
    rows: tile.rows,
    columns: tile.columns,
    threads: tile.threads,
    rasterAlong: 'rows',
    needsSubgroups: tile.reduceIn === 'subgroup',
    workgroupBytes: vectorWorkgroupBytes(matmul, tile),
    ...loadShape(matmul),
  } as const
  return emitMatmulEntry(matmul, config, emit, (context) => ({
    declarations: tile.reduceIn === 'subgroup' ? '' : `var<workgroup> partial: array<f32, ${config.workgroupBytes / 4}>;\n`,
    statements: [
      ...columnStarts(matmul, tile, context),
      ...forRowBlocks(context.tiles, tile.rows, (block) => [
        ...rowStarts(matmul, context, block),
        ...declareSums(context, block.rows, tile.columns),
        ...kLoop(matmul, tile, context, block),
        ...(tile.reduceIn === 'subgroup' ? reduceInSubgroup(tile, context, block) : reduceInWorkgroup(tile, context, block)),
        ...writeBack(tile, context, block),
      ]),
    ],
  }))
}

const sumNames = (tile: VectorTile, context: TemplateContext, block: RowBlock): readonly string[] =>
  upTo(block.rows).flatMap((r) => upTo(tile.columns).flatMap((v) => context.rights.map((p) => `s${p}_${r}_${v}`)))

/**
 * K-major operands are loaded as vec4 along K. With an MN-major operand a thread takes one k at a time, of a right operand four
 * columns.
 */
function loadShape(matmul: Matmul): Pick<TileConfig, 'kStep' | 'loadWidth'> {
  if (!hasMnMajor(matmul)) {
    const width = readsVec4(matmul) ? 4 : 1
    return { kStep: width, loadWidth: () => width }
  }
  return { kStep: 1, loadWidth: (operand) => (operand !== matmul.left && isMnMajor(operand) && operand.aligned ? 4 : 1) }
}

const readsVec4Columns = (operand: Operand): boolean => isMnMajor(operand) && operand.aligned

const rowStarts = (matmul: Matmul, context: TemplateContext, block: RowBlock): readonly string[] =>
  upTo(block.rows).map((r) => {
    const place = block.place(`${r}u`)
    if (!isMnMajor(matmul.left)) return `let left${r} = left_start(${clampedRow(context.tiles, place)}) + thread;`
    return `let left${r} = ${context.tiles.firstIndex} + min(${place}, row_count - 1u);`
  })

function columnStarts(matmul: Matmul, tile: VectorTile, context: TemplateContext): readonly string[] {
  const vec4s = matmul.rights.some(readsVec4Columns)
    ? upTo(Math.ceil(tile.columns / 4)).map((j) => {
        const first = `first_column + ${4 * j}u`
        return `let columns4_${j} = ${context.columnsFit ? `(${first})` : `min(${first}, ${context.columns} - 4u)`} / 4u;`
      })
    : []
  const starts = upTo(tile.columns).flatMap((v) => {
    const column = context.columnsFit ? `first_column + ${v}u` : `min(first_column + ${v}u, ${context.columns} - 1u)`
    return context.rights
      .filter((p) => !readsVec4Columns(matmul.rights[p]))
      .map((p) =>
        isMnMajor(matmul.rights[p])
          ? `let right${p}_${v} = ${column};`
          : `let right${p}_${v} = right${p}_start(expert, ${column}) + thread;`,
      )
  })
  return [...vec4s, ...starts]
}

/** Full strides in uniform flow, then the threads that have a remainder. */
function kLoop(matmul: Matmul, tile: VectorTile, context: TemplateContext, block: RowBlock): readonly string[] {
  const step = [
    ...(hasMnMajor(matmul) ? [`let k_index = ${context.k.at('k + thread')};`] : []),
    ...leftValues(matmul, context, block),
    ...upTo(tile.columns).flatMap((v) =>
      context.rights.flatMap((p) => [
        ...rightValue(matmul.rights[p], p, v, context),
        ...upTo(block.rows).map((r) => `s${p}_${r}_${v} += ${context.times(`a${r}`, `b${p}_${v}`)};`),
      ]),
    ),
  ]
  const units = context.kSteps
  const fits = context.k.whole !== null && isMultiple(context.k.whole, tile.threads * loadShape(matmul).kStep)
  const loop = ['var k = 0u;', `for (; k + ${tile.threads}u <= ${units}; k += ${tile.threads}u) {`, ...indent(step, 1), '}']
  return fits ? loop : [...loop, `if (k + thread < ${units}) {`, ...indent(step, 1), '}']
}

function leftValues({ left }: Matmul, context: TemplateContext, block: RowBlock): readonly string[] {
  if (!isMnMajor(left)) return upTo(block.rows).map((r) => `let a${r} = ${context.load(left, `left${r} + k`)};`)
  return [
    'let left_at_k = left_at(expert, k_index);',
    ...upTo(block.rows).map((r) => `let a${r} = ${context.load(left, `left_at_k + left${r}`)};`),
  ]
}

function rightValue(operand: Operand, p: number, v: number, context: TemplateContext): readonly string[] {
  const name = `b${p}_${v}`
  if (!isMnMajor(operand)) return [`let ${name} = ${context.load(operand, `right${p}_${v} + k`)};`]
  const here = v === 0 ? [`let right${p}_at_k = right${p}_at(expert, k_index);`] : []
  if (!readsVec4Columns(operand)) return [...here, `let ${name} = ${context.load(operand, `right${p}_at_k + right${p}_${v}`)};`]
  const load = (v & 3) === 0 ? [`let c${p}_${v >> 2} = ${context.load(operand, `right${p}_at_k + columns4_${v >> 2}`)};`] : []
  return [...here, ...load, `let ${name} = c${p}_${v >> 2}.${'xyzw'[v & 3]};`]
}

function reduceInSubgroup(tile: VectorTile, context: TemplateContext, block: RowBlock): readonly string[] {
  const sums = sumNames(tile, context, block).map((sum) => `subgroupAdd(${sum})`)
  return [`var sums = array<f32, ${sums.length}>(${sums.join(', ')});`]
}

/** A tree reduction over the threads, in a fixed order. */
function reduceInWorkgroup(tile: VectorTile, context: TemplateContext, block: RowBlock): readonly string[] {
  const names = sumNames(tile, context, block)
  return [
    // the sums of the block of rows before may still be read
    ...(context.tiles.height > tile.rows ? ['workgroupBarrier();'] : []),
    ...names.map((sum, i) => `partial[${i * tile.threads}u + thread] = ${sum};`),
    'workgroupBarrier();',
    `for (var stride = ${tile.threads / 2}u; stride > 0u; stride /= 2u) {`,
    '  if (thread < stride) {',
    `    for (var i = thread; i < ${names.length * tile.threads}u; i += ${tile.threads}u) { partial[i] += partial[i + stride]; }`,
    '  }',
    '  workgroupBarrier();',
    '}',
  ]
}

/** Each thread calls the epilogue for its share of the elements. */
function writeBack(tile: VectorTile, context: TemplateContext, block: RowBlock): readonly string[] {
  const { rights, tiles } = context
  const sumAt = (p: number): string => {
    const at = `i * ${rights.length}u + ${p}u`
    return tile.reduceIn === 'subgroup' ? `sums[${at}]` : `partial[(${at}) * ${tile.threads}u]`
  }
  const checks = [
    ...(block.rows > 1 ? [`${block.place('r')} < row_count`] : []),
    ...(context.columnsFit ? [] : [`column < ${context.columns}`]),
  ]
  const call = `epilogue(${tiles.row(block.place('r'))}, column, ${rights.map(sumAt).join(', ')});`
  return [
    `for (var i = thread; i < ${block.rows * tile.columns}u; i += ${tile.threads}u) {`,
    `  let r = i / ${tile.columns}u;`,
    `  let column = first_column + i - r * ${tile.columns}u;`,
    checks.length > 0 ? `  if (${checks.join(' && ')}) { ${call} }` : `  ${call}`,
    '}',
  ]
}
