/**
 * A matrix product for few rows: the lanes of a workgroup split the depth of a few columns, then add up what each has.
 * The order of the additions is fixed by the number of lanes alone.
 */
import type { Matmul, Operand } from '../../kernel/ir/matmul.ts'
import type { RoutineText } from '../routine.ts'
import type { Speller } from '../speller.ts'
import { anyAlongLines, liesAlongLines } from './lines.ts'
import {
  clampedRow,
  declareSums,
  forRowBlocks,
  frameMatmul,
  indent,
  isMultiple,
  readsVectors,
  upTo,
  type Cut,
  type Parts,
  type RowBlock,
} from './matmul-frame.ts'

export interface VectorTile {
  /** A power of two; the size of a subgroup where the sums are made by one. */
  readonly lanes: number
  readonly rows: number
  /** Columns of a workgroup. */
  readonly columns: number
  readonly combine: 'subgroup' | 'workgroup'
}

/** Bytes of workgroup memory for the sums of all lanes. */
export const vectorWorkgroupBytes = (matmul: Matmul, tile: VectorTile): number =>
  tile.combine === 'subgroup' ? 0 : 4 * tile.lanes * tile.rows * tile.columns * matmul.products.length

export function emitMatmulVector(matmul: Matmul, tile: VectorTile, spell: Speller): RoutineText {
  const cut = {
    rows: tile.rows,
    columns: tile.columns,
    lanes: tile.lanes,
    next: 'rows',
    needsSubgroups: tile.combine === 'subgroup',
    workgroupBytes: vectorWorkgroupBytes(matmul, tile),
    ...reading(matmul),
  } as const
  return frameMatmul(matmul, cut, spell, (parts) => ({
    declarations: tile.combine === 'subgroup' ? '' : `var<workgroup> partial: array<f32, ${cut.workgroupBytes / 4}>;\n`,
    statements: [
      ...columnStarts(matmul, tile, parts),
      ...forRowBlocks(parts.tiles, tile.rows, (block) => [
        ...rowStarts(matmul, parts, block),
        ...declareSums(parts, block.rows, tile.columns),
        ...depthLoop(matmul, tile, parts, block),
        ...(tile.combine === 'subgroup' ? addInSubgroup(tile, parts, block) : addInWorkgroup(tile, parts, block)),
        ...finish(tile, parts, block),
      ]),
    ],
  }))
}

const sumNames = (tile: VectorTile, parts: Parts, block: RowBlock): readonly string[] =>
  upTo(block.rows).flatMap((r) => upTo(tile.columns).flatMap((v) => parts.products.map((p) => `s${p}_${r}_${v}`)))

/** Along the depth a lane brings vectors of it; where an operand lies along its lines, each lane takes one depth at a time, of a bank four columns of it. */
function reading(matmul: Matmul): Pick<Cut, 'step' | 'width'> {
  if (!anyAlongLines(matmul)) {
    const width = readsVectors(matmul) ? 4 : 1
    return { step: width, width: () => width }
  }
  return { step: 1, width: (operand) => (operand !== matmul.left && liesAlongLines(operand) && operand.aligned ? 4 : 1) }
}

const readsQuads = (operand: Operand): boolean => liesAlongLines(operand) && operand.aligned

const rowStarts = (matmul: Matmul, parts: Parts, block: RowBlock): readonly string[] =>
  upTo(block.rows).map((r) => {
    const place = block.place(`${r}u`)
    if (!liesAlongLines(matmul.left)) return `let left${r} = left_start(${clampedRow(parts.tiles, place)}) + lane;`
    return `let left${r} = ${parts.tiles.firstLine} + min(${place}, row_count - 1u);`
  })

function columnStarts(matmul: Matmul, tile: VectorTile, parts: Parts): readonly string[] {
  const quads = matmul.products.some(readsQuads)
    ? upTo(Math.ceil(tile.columns / 4)).map((j) => {
        const first = `first_column + ${4 * j}u`
        return `let quad${j} = ${parts.columnsFit ? `(${first})` : `min(${first}, ${parts.columns} - 4u)`} / 4u;`
      })
    : []
  const starts = upTo(tile.columns).flatMap((v) => {
    const column = parts.columnsFit ? `first_column + ${v}u` : `min(first_column + ${v}u, ${parts.columns} - 1u)`
    return parts.products
      .filter((p) => !readsQuads(matmul.products[p]))
      .map((p) =>
        liesAlongLines(matmul.products[p])
          ? `let bank${p}_${v} = ${column};`
          : `let bank${p}_${v} = bank${p}_start(expert, ${column}) + lane;`,
      )
  })
  return [...quads, ...starts]
}

/** Whole strides in uniform flow, then the lanes for which something is left. */
function depthLoop(matmul: Matmul, tile: VectorTile, parts: Parts, block: RowBlock): readonly string[] {
  const step = [
    ...(anyAlongLines(matmul) ? [`let depth = ${parts.depth.at('k + lane')};`] : []),
    ...leftValues(matmul, parts, block),
    ...upTo(tile.columns).flatMap((v) =>
      parts.products.flatMap((p) => [
        ...bankValue(matmul.products[p], p, v, parts),
        ...upTo(block.rows).map((r) => `s${p}_${r}_${v} += ${parts.times(`a${r}`, `b${p}_${v}`)};`),
      ]),
    ),
  ]
  const units = parts.depthUnits
  const fits = parts.depth.whole !== null && isMultiple(parts.depth.whole, tile.lanes * reading(matmul).step)
  const loop = ['var k = 0u;', `for (; k + ${tile.lanes}u <= ${units}; k += ${tile.lanes}u) {`, ...indent(step, 1), '}']
  return fits ? loop : [...loop, `if (k + lane < ${units}) {`, ...indent(step, 1), '}']
}

function leftValues({ left }: Matmul, parts: Parts, block: RowBlock): readonly string[] {
  if (!liesAlongLines(left)) return upTo(block.rows).map((r) => `let a${r} = ${parts.load(left, `left${r} + k`)};`)
  return [
    'let left_here = left_at(expert, depth);',
    ...upTo(block.rows).map((r) => `let a${r} = ${parts.load(left, `left_here + left${r}`)};`),
  ]
}

function bankValue(operand: Operand, p: number, v: number, parts: Parts): readonly string[] {
  const name = `b${p}_${v}`
  if (!liesAlongLines(operand)) return [`let ${name} = ${parts.load(operand, `bank${p}_${v} + k`)};`]
  const here = v === 0 ? [`let bank${p}_here = bank${p}_at(expert, depth);`] : []
  if (!readsQuads(operand)) return [...here, `let ${name} = ${parts.load(operand, `bank${p}_here + bank${p}_${v}`)};`]
  const load = (v & 3) === 0 ? [`let c${p}_${v >> 2} = ${parts.load(operand, `bank${p}_here + quad${v >> 2}`)};`] : []
  return [...here, ...load, `let ${name} = c${p}_${v >> 2}.${'xyzw'[v & 3]};`]
}

function addInSubgroup(tile: VectorTile, parts: Parts, block: RowBlock): readonly string[] {
  const sums = sumNames(tile, parts, block).map((sum) => `subgroupAdd(${sum})`)
  return [`var sums = array<f32, ${sums.length}>(${sums.join(', ')});`]
}

/** A tree over the lanes, the same for every run. */
function addInWorkgroup(tile: VectorTile, parts: Parts, block: RowBlock): readonly string[] {
  const names = sumNames(tile, parts, block)
  return [
    // the sums of an earlier block of rows may still be read
    ...(parts.tiles.height > tile.rows ? ['workgroupBarrier();'] : []),
    ...names.map((sum, i) => `partial[${i * tile.lanes}u + lane] = ${sum};`),
    'workgroupBarrier();',
    `for (var stride = ${tile.lanes / 2}u; stride > 0u; stride /= 2u) {`,
    '  if (lane < stride) {',
    `    for (var i = lane; i < ${names.length * tile.lanes}u; i += ${tile.lanes}u) { partial[i] += partial[i + stride]; }`,
    '  }',
    '  workgroupBarrier();',
    '}',
  ]
}

/** Each lane finishes its share of the elements. */
function finish(tile: VectorTile, parts: Parts, block: RowBlock): readonly string[] {
  const { products, tiles } = parts
  const sumAt = (p: number): string => {
    const at = `i * ${products.length}u + ${p}u`
    return tile.combine === 'subgroup' ? `sums[${at}]` : `partial[(${at}) * ${tile.lanes}u]`
  }
  const checks = [
    ...(block.rows > 1 ? [`${block.place('r')} < row_count`] : []),
    ...(parts.columnsFit ? [] : [`column < ${parts.columns}`]),
  ]
  const call = `finish(${tiles.row(block.place('r'))}, column, ${products.map(sumAt).join(', ')});`
  return [
    `for (var i = lane; i < ${block.rows * tile.columns}u; i += ${tile.lanes}u) {`,
    `  let r = i / ${tile.columns}u;`,
    `  let column = first_column + i - r * ${tile.columns}u;`,
    checks.length > 0 ? `  if (${checks.join(' && ')}) { ${call} }` : `  ${call}`,
    '}',
  ]
}
