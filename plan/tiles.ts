/**
 * Tile sizes by target, for passes, fusion and templates alike: measured on software adapters, reasoned for GPUs. They belong to
 * the target and flow forward through the compiler; no template reports its own to an earlier stage.
 */
import { SIMD_256, type Target } from './target.ts'

/** A tile in workgroup memory. */
export interface TiledTile {
  readonly rows: number
  readonly columns: number
  /** vec4s of K in a block. */
  readonly kVectors: number
  /** The register tile. */
  readonly rowsEach: number
  readonly columnsEach: number
}

export interface MatmulTiles {
  readonly subgroup: {
    readonly rows: number
    /** For the decode variant, where the number of rows is symbolic. */
    readonly fewRows: number
    /** Accumulators of a thread for one row: its columns times the matmuls. */
    readonly sums: number
    /**
     * The same two for weight gradients of grouped GEMMs: both operands are MN-major and transposed in registers, so each vector
     * should serve more sums.
     */
    readonly outer: { readonly rows: number; readonly sums: number }
    readonly kVectors: number
    /** Above this a tile's accumulators spill. */
    readonly mostRows: number
  }
  /** From the largest; the first that fits into workgroup memory is used. */
  readonly tiled: readonly TiledTile[]
  readonly vector: {
    /** Threads of a workgroup where the adapter has no subgroups of a fixed size. */
    readonly threads: number
    readonly rows: number
    /** Accumulators of a thread: rows times columns times matmuls. */
    readonly sums: number
    /** With more rows, tiles that share the weights are faster. */
    readonly mostRows: number
    /** On a CPU only results with no more columns than this split K; otherwise each thread has columns of its own. */
    readonly mostColumns: number
  }
  /** `sums` as above. */
  readonly plain: { readonly threads: number; readonly rows: number; readonly sums: number }
}

/** The register tile of kernels in WebAssembly whose operands are all K-major: two rows, and what is here. */
export interface DotTile {
  /** Columns of a workgroup: few, so that few rows can be shared among cores; a multiple of `columns` and of a gang. */
  readonly blockColumns: number
  /** Rows of a workgroup of a grouped GEMM. */
  readonly expertRows: number
  readonly columns: number
  /** Neighbouring vectors of K: each has sums of its own. */
  readonly kVectors: 1 | 2
}

export interface AttentionTiles {
  /** Rows of a workgroup. */
  readonly rows: number
  /** In a shader, rows of a thread of the forward pass, and of the gradients, which hold twice as much. */
  readonly rowsEach: number
  readonly rowsEachGradient: number
  /** Rows that a thread of the forward pass goes through at a time. */
  readonly together: number
}

/** Sizes that a stage before the templates needs. */
export interface Tiles {
  readonly matmul: MatmulTiles
  readonly dot: DotTile
  /** Rows of the tiles that the sort by expert makes, so that grouped GEMMs fill theirs. */
  readonly expertRows: number
  readonly attention: AttentionTiles
  readonly gate: {
    /**
     * Rows of a workgroup of the gating kernel, and of a block of its expert histogram: one thread ranks each, so that a GPU has
     * workgroups enough.
     */
    readonly rows: number
    /** Of the largest block of a histogram that a gating kernel may count. */
    readonly mostHistogramRows: number
    /** What the workgroup holds for each row besides its scores: chosen experts. */
    readonly mostChosen: number
    /** What the workgroup holds besides: partial sums. */
    readonly partialSumBytes: number
  }
  /** Entries of a Sinkhorn transport plan up to which one workgroup is no slower than a dispatch of many for each iteration. */
  readonly sinkhornEntries: number
}

const TILED = [64, 32, 16].map((columns) => ({ rows: 64, columns, kVectors: 4, rowsEach: 4, columnsEach: 4 }))

/** CPU adapters with subgroups of eight and more: lavapipe. */
const WIDE: MatmulTiles = {
  subgroup: { rows: 16, fewRows: 8, sums: 4, outer: { rows: 32, sums: 8 }, kVectors: 1, mostRows: 64 },
  tiled: TILED,
  vector: { threads: 8, rows: 2, sums: 8, mostRows: 4, mostColumns: 16 },
  plain: { threads: 8, rows: 8, sums: 4 },
}

/** CPU adapters with subgroups of four: SwiftShader, where a load costs more and should serve more columns. */
const NARROW: MatmulTiles = {
  subgroup: { rows: 16, fewRows: 4, sums: 8, outer: { rows: 64, sums: 8 }, kVectors: 1, mostRows: 64 },
  tiled: TILED,
  vector: { threads: 4, rows: 2, sums: 8, mostRows: 4, mostColumns: 8 },
  plain: { threads: 4, rows: 8, sums: 4 },
}

/** Reasoned: full warps, 16 accumulators a thread, within the limits that WebGPU guarantees. */
const GPU: MatmulTiles = {
  subgroup: WIDE.subgroup,
  tiled: TILED,
  vector: { threads: 64, rows: 2, sums: 8, mostRows: 8, mostColumns: Infinity },
  plain: { threads: 64, rows: 4, sums: 1 },
}

/** Eight sums, six operands and a product fill the 15 registers that V8 has on x86. */
const DOT_128: DotTile = { blockColumns: 32, expertRows: 32, columns: 4, kVectors: 1 }
/** Vectors of 256 bits, fused: twelve sums and three operands. A row costs less, so more of them share the right operand. */
const DOT_256: DotTile = { blockColumns: 48, expertRows: 32, columns: 6, kVectors: 2 }

/** What is loaded serves four rows: loads cost more than arithmetic, and registers that spill cost little. */
const ATTENTION_CPU: AttentionTiles = { rows: 32, rowsEach: 4, rowsEachGradient: 1, together: 2 }
/** Reasoned: one row of 64 elements and its sums fill the registers of a thread. */
const ATTENTION_GPU: AttentionTiles = { rows: 64, rowsEach: 1, rowsEachGradient: 1, together: 2 }

export const hasSubgroups = (target: Target): boolean => target.subgroupSize !== null && target.features.includes('subgroups')

function matmulTiles(target: Target): MatmulTiles {
  if (target.kind === 'gpu') return GPU
  return hasSubgroups(target) && target.subgroupSize! < 8 ? NARROW : WIDE
}

/** The height of the template that grouped GEMMs have on the target. */
function expertRows(target: Target, { subgroup, tiled, plain }: MatmulTiles, dot: DotTile): number {
  if (target.runs === 'cpu') return dot.expertRows
  if (target.kind === 'gpu') return tiled[0].rows
  return hasSubgroups(target) ? subgroup.rows : plain.rows
}

export function tilesFor(target: Target): Tiles {
  const matmul = matmulTiles(target)
  const dot = target.features.includes(SIMD_256) ? DOT_256 : DOT_128
  return {
    matmul,
    dot,
    expertRows: expertRows(target, matmul, dot),
    attention: target.kind === 'cpu' ? ATTENTION_CPU : ATTENTION_GPU,
    gate: { rows: 8, mostHistogramRows: 64, mostChosen: 64, partialSumBytes: 512 },
    sinkhornEntries: target.kind === 'cpu' ? 65536 : 32768,
  }
}
