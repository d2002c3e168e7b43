/** Chooses the template of a matmul: the fastest that the adapter and the operands allow, with a reason for each one refused. */
import { ceilDivide, constantValue, floorDivide } from '../../plan/dim.ts'
import type { Target } from '../../plan/target.ts'
import type { Matmul } from '../kernel/ir/matmul.ts'
import type { TemplateCode } from './template-code.ts'
import { isMnMajor } from './templates/mn-major.ts'
import { readsVec4 } from './templates/matmul-entry.ts'
import { emitMatmulPlain } from './templates/matmul_plain.wgsl.ts'
import { emitMatmulSubgroup } from './templates/matmul_subgroup.wgsl.ts'
import { emitMatmulTiled, tiledInvocations, tiledWorkgroupBytes } from './templates/matmul_tiled.wgsl.ts'
import { emitMatmulVector, vectorWorkgroupBytes } from './templates/matmul_vector.wgsl.ts'
import { tileHeight } from './templates/row-tiles.ts'
import type { ScalarEmitter } from './scalar-emitter.ts'
import { hasSubgroups, tilesFor, type MatmulTiles, type TiledTile } from '../../plan/tiles.ts'

export interface MatmulChoice {
  readonly template: string
  readonly reason: string
  readonly refused: readonly { readonly template: string; readonly reason: string }[]
  readonly emit: (emit: ScalarEmitter) => TemplateCode
}

interface MatmulRequest {
  readonly matmul: Matmul
  readonly target: Target
  readonly variant: 'decode' | 'prefill'
  readonly tiles: MatmulTiles
  /** Rows that can share a right operand, where the number is known. */
  readonly rows: number | undefined
}

type Applicability =
  { readonly reason: string; readonly emit: (emit: ScalarEmitter) => TemplateCode } | { readonly refusal: string }

interface Template {
  readonly name: string
  readonly consider: (request: MatmulRequest) => Applicability
}

/** The fastest first. */
const TEMPLATES: readonly Template[] = [
  { name: 'matmul_vector', consider: considerVector },
  { name: 'matmul_subgroup', consider: considerSubgroup },
  { name: 'matmul_tiled', consider: considerTiled },
  { name: 'matmul_plain', consider: considerPlain },
]

export function chooseMatmul(matmul: Matmul, target: Target, variant: 'decode' | 'prefill'): MatmulChoice {
  const request = { matmul, target, variant, tiles: tilesFor(target).matmul, rows: sharingRows(matmul) }
  const refused: { template: string; reason: string }[] = []
  for (const { name, consider } of TEMPLATES) {
    const result = consider(request)
    if ('emit' in result) return { template: name, reason: result.reason, refused, emit: result.emit }
    refused.push({ template: name, reason: result.refusal })
  }
  throw new Error('the plain template takes every matmul')
}

function sharingRows({ rows, rowGrouping }: Matmul): number | undefined {
  if (rowGrouping.kind === 'lookup') return 1
  return constantValue(rowGrouping.kind === 'batched' ? floorDivide(rows, rowGrouping.batch) : rows)
}

const atLeast1 = (n: number): number => Math.max(1, Math.floor(n))

/** Columns of a thread, no more than the result has; a multiple of four where an MN-major right operand is loaded as vec4. */
function columnsAtMost(matmul: Matmul, threads: number, wanted: number): number {
  // a matmul without columns has tiles too, of which none runs
  const columns = Math.min(wanted, Math.max(1, constantValue(ceilDivide(matmul.columns, threads)) ?? wanted))
  return matmul.rights.some((right) => isMnMajor(right) && right.aligned) ? Math.max(4, columns - (columns % 4)) : columns
}

const unaligned = 'rows that do not start at multiples of four elements, or a K that is not one, cannot be loaded as vec4'

function considerVector({ matmul, target, variant, tiles, rows }: MatmulRequest): Applicability {
  const { mostRows, mostColumns, sums, threads: defaultThreads, rows: rowsAtOnce } = tiles.vector
  if (matmul.rowGrouping.kind === 'sorted') return { refusal: 'its rows are sorted into tiles of one expert' }
  const limit = `made for at most ${mostRows} rows of one matrix; this matmul`
  if (rows !== undefined && rows > mostRows) return { refusal: `${limit} has ${rows}` }
  if (rows === undefined && variant === 'prefill') return { refusal: `${limit} may have any number` }
  const columns = constantValue(matmul.columns) ?? Infinity
  if (columns > mostColumns) {
    return { refusal: `on a CPU made for at most ${mostColumns} columns: with more, each thread has columns of its own` }
  }
  const subgroups = hasSubgroups(target)
  if (target.kind === 'cpu' && !subgroups) {
    return { refusal: 'without subgroups it needs barriers, which are expensive on a CPU' }
  }
  const height = Math.min(rowsAtOnce, rows ?? rowsAtOnce)
  const tile = {
    threads: subgroups ? target.subgroupSize! : Math.min(defaultThreads, target.maxInvocationsPerWorkgroup),
    rows: height,
    columns: columnsAtMost(matmul, 1, atLeast1(sums / (height * matmul.rights.length))),
    reduceIn: subgroups ? 'subgroup' : 'workgroup',
  } as const
  const bytes = vectorWorkgroupBytes(matmul, tile)
  if (bytes > target.maxWorkgroupStorageBytes) return { refusal: tooLarge(bytes, target) }
  const some = rows === undefined ? 'few tokens' : `${rows} rows of one matrix`
  const why = matmul.rowGrouping.kind === 'lookup' ? 'each row looks up its expert' : some
  return {
    reason: `${why}: ${tile.threads} threads split the K of ${tile.columns} columns`,
    emit: (emit) => emitMatmulVector(matmul, tile, emit),
  }
}

const tooLarge = (bytes: number, target: Target): string =>
  `needs ${bytes} bytes of workgroup memory, the adapter has ${target.maxWorkgroupStorageBytes}`

/**
 * Rows of a tile: no more than the matmul has; few in the decode variant; evenly divided among the tiles where the number is
 * known.
 */
function heightFor({ matmul, variant, rows }: MatmulRequest, full: number, few: number): number {
  if (rows === undefined) return tileHeight(matmul, variant === 'decode' ? few : full)
  // a matmul of no rows has tiles too, of which none runs
  const some = Math.max(1, rows)
  const even = Math.ceil(some / Math.ceil(some / full))
  return tileHeight(matmul, Math.min(some, full, 4 * Math.ceil(even / 4)))
}

function considerSubgroup(request: MatmulRequest): Applicability {
  const { matmul, target, tiles } = request
  const wanted = tiles.subgroup
  if (target.kind === 'gpu') return { refusal: 'made for CPUs: a GPU shares loads through workgroup memory' }
  if (!hasSubgroups(target)) return { refusal: 'needs subgroups of a fixed size, which the adapter does not have' }
  if (!readsVec4(matmul)) return { refusal: unaligned }
  const { rows, sums } = matmul.kRange.kind === 'all' ? wanted : wanted.outer
  const height = heightFor(request, rows, wanted.fewRows)
  if (height === 1) return { refusal: 'one row leaves nothing to broadcast' }
  if (height > wanted.mostRows) {
    return { refusal: `tiles of ${height} rows need too many registers; it takes at most ${wanted.mostRows}` }
  }
  const threads = target.subgroupSize!
  if (isMnMajor(matmul.left) && threads % 4 !== 0)
    return { refusal: `four threads load the vec4 of a row; ${threads} is not a multiple of four` }
  const columns = columnsAtMost(matmul, threads, atLeast1(sums / matmul.rights.length))
  const tile = {
    ...wanted,
    threads,
    rows: height,
    columns,
    rasterAlong: 'rows',
    tilesPerWorkgroup: tilesPerWorkgroup(matmul, height, columns * threads),
  } as const
  return {
    reason: `a subgroup of ${threads} threads computes ${height} x ${columns * threads} elements and broadcasts the left rows`,
    emit: (emit) => emitMatmulSubgroup(matmul, tile, emit),
  }
}

/** As many workgroups keep every core busy. */
const ENOUGH_WORKGROUPS = 256

/** Where K is the rows of an expert, which must be searched for, a workgroup computes several tiles from one search. */
function tilesPerWorkgroup({ rows, columns, kRange }: Matmul, height: number, width: number): number {
  const [rowTiles, columnTiles] = [constantValue(ceilDivide(rows, height)), constantValue(ceilDivide(columns, width))]
  if (kRange.kind === 'all' || rowTiles === undefined || columnTiles === undefined) return 1
  return Math.min(columnTiles, Math.max(1, Math.floor((rowTiles * columnTiles) / ENOUGH_WORKGROUPS)))
}

function considerTiled({ matmul, target, tiles }: MatmulRequest): Applicability {
  if (target.kind === 'cpu') return { refusal: 'made for GPUs: workgroup memory and barriers are expensive on a CPU' }
  if (matmul.rowGrouping.kind === 'lookup') return { refusal: 'each row looks up its expert, so a tile of rows shares nothing' }
  if (!readsVec4(matmul)) return { refusal: unaligned }
  const problems = tiles.tiled.map((tile) => limitProblem(matmul, tile, target))
  const at = problems.indexOf(null)
  if (at < 0) return { refusal: problems[problems.length - 1]! }
  const tile = tiles.tiled[at]
  const [threads, bytes] = [tiledInvocations(tile), tiledWorkgroupBytes(matmul, tile)]
  return {
    reason: `${threads} threads share ${bytes} bytes of workgroup memory for ${tile.rows} x ${tile.columns} elements`,
    emit: (emit) => emitMatmulTiled(matmul, tile, emit),
  }
}

function limitProblem(matmul: Matmul, tile: TiledTile, target: Target): string | null {
  const [threads, bytes] = [tiledInvocations(tile), tiledWorkgroupBytes(matmul, tile)]
  if (threads > target.maxInvocationsPerWorkgroup) {
    return `needs ${threads} threads a workgroup, the adapter has ${target.maxInvocationsPerWorkgroup}`
  }
  return bytes > target.maxWorkgroupStorageBytes ? tooLarge(bytes, target) : null
}

function considerPlain(request: MatmulRequest): Applicability {
  const { matmul, target, tiles } = request
  const { plain, subgroup } = tiles
  const threads = Math.min(Math.max(target.subgroupSize ?? 1, plain.threads), target.maxInvocationsPerWorkgroup)
  const height = Math.min(plain.rows, heightFor(request, plain.rows, Math.min(plain.rows, subgroup.fewRows)))
  const columns = columnsAtMost(matmul, threads, atLeast1(plain.sums / matmul.rights.length))
  const how = readsVec4(matmul) ? 'vec4s' : 'single elements'
  return {
    reason: `each thread computes ${height} x ${columns} elements by itself, loading ${how}`,
    emit: (emit) => emitMatmulPlain(matmul, { threads, rows: height, columns }, emit),
  }
}
