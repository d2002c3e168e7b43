/** Picks the template of a matrix product: the fastest that adapter and operands allow; a reason for each that they do not. */
import { ceilDivide, constantValue, floorDivide } from '../../plan/dim.ts'
import type { Target } from '../../plan/target.ts'
import type { Matmul } from '../kernel/ir/matmul.ts'
import type { RoutineText } from './routine.ts'
import { liesAlongLines } from './routines/lines.ts'
import { readsVectors } from './routines/matmul-frame.ts'
import { emitMatmulPlain } from './routines/matmul_plain.wgsl.ts'
import { emitMatmulSubgroup } from './routines/matmul_subgroup.wgsl.ts'
import { emitMatmulTiled, tiledInvocations, tiledWorkgroupBytes, type TiledTile } from './routines/matmul_tiled.wgsl.ts'
import { emitMatmulVector, vectorWorkgroupBytes } from './routines/matmul_vector.wgsl.ts'
import { tileHeight } from './routines/row-tiles.ts'
import type { Speller } from './speller.ts'
import { hasSubgroups, tilesFor, type MatmulTiles } from './tiles.ts'

export interface MatmulChoice {
  readonly template: string
  readonly reason: string
  readonly refused: readonly { readonly template: string; readonly reason: string }[]
  readonly emit: (spell: Speller) => RoutineText
}

interface Situation {
  readonly matmul: Matmul
  readonly target: Target
  readonly variant: 'decode' | 'prefill'
  readonly tiles: MatmulTiles
  /** Rows that can share a matrix, where the number is known. */
  readonly rows: number | undefined
}

type Verdict = { readonly reason: string; readonly emit: (spell: Speller) => RoutineText } | { readonly refusal: string }

interface Template {
  readonly name: string
  readonly judge: (situation: Situation) => Verdict
}

/** In order of speed where they apply. */
const TEMPLATES: readonly Template[] = [
  { name: 'matmul_vector', judge: judgeVector },
  { name: 'matmul_subgroup', judge: judgeSubgroup },
  { name: 'matmul_tiled', judge: judgeTiled },
  { name: 'matmul_plain', judge: judgePlain },
]

/** Rows of the tiles that `sort_by_expert` should make for this target, so that its products fill them. */
export function rowTile(target: Target): number {
  const { subgroup, tiled, plain } = tilesFor(target)
  if (target.kind === 'gpu') return tiled[0].rows
  return hasSubgroups(target) ? subgroup.rows : plain.rows
}

export function chooseMatmul(matmul: Matmul, target: Target, variant: 'decode' | 'prefill'): MatmulChoice {
  const situation = { matmul, target, variant, tiles: tilesFor(target), rows: sharingRows(matmul) }
  const refused: { template: string; reason: string }[] = []
  for (const { name, judge } of TEMPLATES) {
    const verdict = judge(situation)
    if ('emit' in verdict) return { template: name, reason: verdict.reason, refused, emit: verdict.emit }
    refused.push({ template: name, reason: verdict.refusal })
  }
  throw new Error('the plain template takes every product')
}

function sharingRows({ rows, rowsOf }: Matmul): number | undefined {
  if (rowsOf.kind === 'direct') return 1
  return constantValue(rowsOf.kind === 'batched' ? floorDivide(rows, rowsOf.batch) : rows)
}

const atLeast1 = (n: number): number => Math.max(1, Math.floor(n))

/** No more columns a lane than the result has; where a bank lies along its lines and is read as vectors, lanes take columns by fours. */
function columnsAtMost(matmul: Matmul, lanes: number, wanted: number): number {
  const columns = Math.min(wanted, constantValue(ceilDivide(matmul.columns, lanes)) ?? wanted)
  return matmul.products.some((product) => liesAlongLines(product) && product.aligned)
    ? Math.max(4, columns - (columns % 4))
    : columns
}

const unaligned = 'rows that do not start at multiples of four elements, or a depth that is none, cannot be read as vectors'

function judgeVector({ matmul, target, variant: tokens, tiles, rows }: Situation): Verdict {
  const { mostRows, mostColumns, sums, lanes: otherLanes, rows: rowsAtOnce } = tiles.vector
  if (matmul.rowsOf.kind === 'ordered') return { refusal: 'its rows come in tiles that share an expert' }
  const limit = `made for at most ${mostRows} rows of one matrix, this`
  if (rows !== undefined && rows > mostRows) return { refusal: `${limit} has ${rows}` }
  if (rows === undefined && tokens === 'prefill') return { refusal: `${limit} may have any number` }
  const columns = constantValue(matmul.columns) ?? Infinity
  if (columns > mostColumns) {
    return { refusal: `on a processor made for at most ${mostColumns} columns: with more, lanes have columns of their own` }
  }
  const subgroups = hasSubgroups(target)
  if (target.kind === 'cpu' && !subgroups) {
    return { refusal: 'without subgroups its lanes meet at barriers, which are dear on a processor' }
  }
  const height = Math.min(rowsAtOnce, rows ?? rowsAtOnce)
  const tile = {
    lanes: subgroups ? target.subgroupSize! : Math.min(otherLanes, target.maxInvocationsPerWorkgroup),
    rows: height,
    columns: columnsAtMost(matmul, 1, atLeast1(sums / (height * matmul.products.length))),
    combine: subgroups ? 'subgroup' : 'workgroup',
  } as const
  const bytes = vectorWorkgroupBytes(matmul, tile)
  if (bytes > target.maxWorkgroupStorageBytes) return { refusal: tooLarge(bytes, target) }
  const some = rows === undefined ? 'few tokens' : `${rows} rows of one matrix`
  const why = matmul.rowsOf.kind === 'direct' ? 'each row has an expert of its own' : some
  return {
    reason: `${why}: ${tile.lanes} lanes split the depth of ${tile.columns} columns`,
    emit: (spell) => emitMatmulVector(matmul, tile, spell),
  }
}

const tooLarge = (bytes: number, target: Target): string =>
  `needs ${bytes} bytes of workgroup memory, the adapter has ${target.maxWorkgroupStorageBytes}`

/** Rows of a tile: no more than there can be, few where few are expected, and in all tiles about as many where their number is known. */
function heightFor({ matmul, variant: tokens, rows }: Situation, full: number, few: number): number {
  if (rows === undefined) return tileHeight(matmul, tokens === 'decode' ? few : full)
  // a product without rows has tiles all the same, and none of them runs
  const some = Math.max(1, rows)
  const even = Math.ceil(some / Math.ceil(some / full))
  return tileHeight(matmul, Math.min(some, full, 4 * Math.ceil(even / 4)))
}

function judgeSubgroup(situation: Situation): Verdict {
  const { matmul, target, tiles } = situation
  const wanted = tiles.subgroup
  if (target.kind === 'gpu') return { refusal: 'made for processors: a GPU shares loads through workgroup memory' }
  if (!hasSubgroups(target)) return { refusal: 'needs subgroups of one size, which the adapter does not offer' }
  if (!readsVectors(matmul)) return { refusal: unaligned }
  const { rows, sums } = matmul.depthOf.kind === 'whole' ? wanted : wanted.outer
  const height = heightFor(situation, rows, wanted.fewRows)
  if (height === 1) return { refusal: 'a single row of a matrix leaves nothing to broadcast between rows' }
  if (height > wanted.mostRows) {
    return { refusal: `tiles of ${height} rows need more registers than there are; it takes at most ${wanted.mostRows}` }
  }
  const lanes = target.subgroupSize!
  if (liesAlongLines(matmul.left) && lanes % 4 !== 0)
    return { refusal: `four lanes bring the depths of a row; ${lanes} are no multiple of that` }
  const columns = columnsAtMost(matmul, lanes, atLeast1(sums / matmul.products.length))
  const tile = { ...wanted, lanes, rows: height, columns, next: 'rows', run: runOf(matmul, height, columns * lanes) } as const
  return {
    reason: `a subgroup of ${lanes} lanes makes ${height} x ${columns * lanes} elements and broadcasts the left rows`,
    emit: (spell) => emitMatmulSubgroup(matmul, tile, spell),
  }
}

/** As many workgroups keep every processor at work. */
const ENOUGH_WORKGROUPS = 256

/** Where the depth is an expert's rows, which must be found, a workgroup that has found them makes more than one tile. */
function runOf({ rows, columns, depthOf }: Matmul, height: number, width: number): number {
  const [rowTiles, columnTiles] = [constantValue(ceilDivide(rows, height)), constantValue(ceilDivide(columns, width))]
  if (depthOf.kind === 'whole' || rowTiles === undefined || columnTiles === undefined) return 1
  return Math.min(columnTiles, Math.max(1, Math.floor((rowTiles * columnTiles) / ENOUGH_WORKGROUPS)))
}

function judgeTiled({ matmul, target, tiles }: Situation): Verdict {
  if (target.kind === 'cpu') return { refusal: 'made for GPUs: workgroup memory and barriers are dear on a processor' }
  if (matmul.rowsOf.kind === 'direct') return { refusal: 'each row has an expert of its own, so a tile of rows shares nothing' }
  if (!readsVectors(matmul)) return { refusal: unaligned }
  const problems = tiles.tiled.map((tile) => limitProblem(matmul, tile, target))
  const at = problems.indexOf(null)
  if (at < 0) return { refusal: problems[problems.length - 1]! }
  const tile = tiles.tiled[at]
  const [lanes, bytes] = [tiledInvocations(tile), tiledWorkgroupBytes(matmul, tile)]
  return {
    reason: `${lanes} lanes share ${bytes} bytes of workgroup memory for ${tile.rows} x ${tile.columns} elements`,
    emit: (spell) => emitMatmulTiled(matmul, tile, spell),
  }
}

function limitProblem(matmul: Matmul, tile: TiledTile, target: Target): string | null {
  const [lanes, bytes] = [tiledInvocations(tile), tiledWorkgroupBytes(matmul, tile)]
  if (lanes > target.maxInvocationsPerWorkgroup) {
    return `needs ${lanes} invocations a workgroup, the adapter has ${target.maxInvocationsPerWorkgroup}`
  }
  return bytes > target.maxWorkgroupStorageBytes ? tooLarge(bytes, target) : null
}

function judgePlain(situation: Situation): Verdict {
  const { matmul, target, tiles } = situation
  const { plain, subgroup } = tiles
  const lanes = Math.min(Math.max(target.subgroupSize ?? 1, plain.lanes), target.maxInvocationsPerWorkgroup)
  const height = Math.min(plain.rows, heightFor(situation, plain.rows, Math.min(plain.rows, subgroup.fewRows)))
  const columns = columnsAtMost(matmul, lanes, atLeast1(plain.sums / matmul.products.length))
  const how = readsVectors(matmul) ? 'by vectors' : 'one element at a time'
  return {
    reason: `every lane makes ${height} x ${columns} elements by itself, reading ${how}`,
    emit: (spell) => emitMatmulPlain(matmul, { lanes, rows: height, columns }, spell),
  }
}
