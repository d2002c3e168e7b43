/** Tile sizes of the matrix-product templates: on software adapters as they measured fastest, on GPUs by reasoning. */
import type { Target } from '../../plan/target.ts'
import type { TiledTile } from './routines/matmul_tiled.wgsl.ts'

export interface MatmulTiles {
  readonly subgroup: {
    readonly rows: number
    /** Where few rows are expected and their number is open. */
    readonly fewRows: number
    /** Sums of a lane for one row: its columns times the products. */
    readonly sums: number
    /** The same two where the depth is an expert's rows: both operands lie along their lines, to be turned, so each vector should serve more sums. */
    readonly outer: { readonly rows: number; readonly sums: number }
    readonly depth: number
    /** Above this the sums of a tile no longer pay. */
    readonly mostRows: number
  }
  /** From the largest, for products that do not fit into workgroup memory so. */
  readonly tiled: readonly TiledTile[]
  readonly vector: {
    /** Lanes where the adapter has no subgroups of one size. */
    readonly lanes: number
    readonly rows: number
    /** Sums of a workgroup: rows times columns times products. */
    readonly sums: number
    /** With more rows than this, tiles that share the weights win. */
    readonly mostRows: number
    /** On a processor a lane is best given columns of its own; only results too narrow for that are split by depth. */
    readonly mostColumns: number
  }
  /** `sums` as above. */
  readonly plain: { readonly lanes: number; readonly rows: number; readonly sums: number }
}

const TILED = [64, 32, 16].map((columns) => ({ rows: 64, columns, depth: 4, rowsEach: 4, columnsEach: 4 }))

/** lavapipe, eight lanes and more. */
const WIDE: MatmulTiles = {
  subgroup: { rows: 16, fewRows: 8, sums: 4, outer: { rows: 32, sums: 8 }, depth: 1, mostRows: 64 },
  tiled: TILED,
  vector: { lanes: 8, rows: 2, sums: 8, mostRows: 4, mostColumns: 16 },
  plain: { lanes: 8, rows: 8, sums: 4 },
}

/** SwiftShader, four lanes: a load costs more there, so it must serve more columns. */
const NARROW: MatmulTiles = {
  subgroup: { rows: 16, fewRows: 4, sums: 8, outer: { rows: 64, sums: 8 }, depth: 1, mostRows: 64 },
  tiled: TILED,
  vector: { lanes: 4, rows: 2, sums: 8, mostRows: 4, mostColumns: 8 },
  plain: { lanes: 4, rows: 8, sums: 4 },
}

/** Sizes by reasoning: full warps, 16 sums an invocation, within the limits that every adapter keeps. */
const GPU: MatmulTiles = {
  subgroup: WIDE.subgroup,
  tiled: TILED,
  vector: { lanes: 64, rows: 2, sums: 8, mostRows: 8, mostColumns: Infinity },
  plain: { lanes: 64, rows: 4, sums: 1 },
}

export const hasSubgroups = (target: Target): boolean => target.subgroupSize !== null && target.features.includes('subgroups')

export function tilesFor(target: Target): MatmulTiles {
  if (target.kind === 'gpu') return GPU
  return hasSubgroups(target) && target.subgroupSize! < 8 ? NARROW : WIDE
}
