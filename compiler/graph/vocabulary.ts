/**
 * The closed vocabulary of the tensor language: every op with its parameters, in one sitting.
 * Before adding one, show that those here do not compose to it.
 */
import type { Dim } from '../../plan/dim.ts'
import type { VariableRole } from '../../plan/output-role.ts'
import type { WeightPiece } from '../../plan/plan.ts'
import type { FormatName } from '../../plan/storage/formats.ts'
import type { BinaryOpcode, UnaryOpcode } from '../scalar/operations.ts'

/** `bool` is 0 or 1; on a device it is stored as u32. */
export type DType = 'f32' | 'i32' | 'bool'

/**
 * Where the values of a weight are in a checkpoint: pieces stacked along the leading axis, or one piece as it is; no pieces if it
 * is initialized to zeros. And the format that they have in memory, where it is not f32.
 */
export interface WeightSource {
  readonly pieces: readonly WeightPiece[]
  readonly stacked: boolean
  readonly format?: FormatName
}

type None = Readonly<Record<string, never>>

/** The scores of an attention: scale * query . key, softly capped, for the keys that a query sees. */
export interface AttentionParams {
  readonly scale: number
  /** cap * tanh(score / cap); 0 for none. */
  readonly cap: number
  /**
   * Query s sees key t where s - before <= t <= s + after, with past[b] added to s where there is a past; Infinity for no
   * limit. Whole numbers, also below 0.
   */
  readonly before: number
  readonly after: number
}

/** Ops that apply a scalar operation to every element; two operands have one shape. */
type Elementwise = { readonly [O in UnaryOpcode | BinaryOpcode]: None }

/** Op -> its parameters. Groups of ops are told apart by `kind` in the records of `compiler/ops`. */
export interface OpParams extends Elementwise {
  // leaves
  input: { readonly name: string; readonly dtype: DType; readonly shape: readonly Dim[] }
  weight: { readonly name: string; readonly shape: readonly Dim[]; readonly source: WeightSource; readonly doc: string }
  /**
   * Persistent state beside the weights: it begins as zeros, and no checkpoint of a model has it. An f16 copy is stored as f16.
   */
  variable: { readonly role: VariableRole; readonly shape: readonly Dim[] }
  /** Row-major values; a single value for a scalar, shape []. */
  constant: { readonly dtype: DType; readonly shape: readonly number[]; readonly values: readonly number[] }
  /** The value that `compute_at_load` of this name computed; introduced when a graph is split. */
  load_time_constant: { readonly name: string; readonly dtype: DType; readonly shape: readonly Dim[] }
  /** 0, 1, ..., size - 1, i32[size]. */
  iota: { readonly size: Dim }

  // elementwise, besides the scalar operations
  /** The same values. They depend on weights alone: computed once, when the weights are loaded. */
  compute_at_load: { readonly name: string }
  /** The same values, but no gradient flows. */
  stop_gradient: None
  cast: { readonly dtype: DType }
  /** condition, then, otherwise. */
  select: None

  // movement
  reshape: { readonly shape: readonly Dim[] }
  /** Output axis i is input axis order[i]. */
  transpose: { readonly order: readonly number[] }
  /** Input axis i becomes output axis axes[i] (ascending); all other output axes repeat. */
  broadcast: { readonly shape: readonly Dim[]; readonly axes: readonly number[] }
  /** Along every axis: elements start, start + step, ... , `size` of them. */
  slice: { readonly starts: readonly Dim[]; readonly sizes: readonly Dim[]; readonly steps: readonly number[] }
  concat: { readonly axis: number }
  /** Recompute barrier: the same values, but no op merges with an op on the other side of it. */
  optimization_barrier: None

  // reductions: the result has no such axis
  sum: { readonly axis: number }
  max: { readonly axis: number }
  min: { readonly axis: number }

  /**
   * Generalised matmul of two operands. Result axes: batch pairs, then the free axes of the left, then those of the right,
   * each in its operand's order. A pair [i, j] joins axis i of the left and j of the right.
   */
  contract: { readonly batch: readonly (readonly [number, number])[]; readonly over: readonly (readonly [number, number])[] }

  /**
   * query [B, S, G, R, C], key [B, T, G, C], value [B, T, G, W] -> [B, S, G, R, W]: values averaged by the softmax of the scores
   * over the keys; R query heads share each of G key heads. Then, where there are any: a mask bool [B, S, G, R, T], each axis of
   * which may be 1, false where a key is not seen; sinks f32 [G, R], one more logit beside the scores of a head, without a value;
   * past i32 [B], the place of the first query among the keys of its sequence.
   */
  attention: AttentionParams
  /**
   * Query, key, mask, sinks and past of `attention` -> [B, S, G, R]: the logarithm of the sum of the exponentials in its
   * softmax.
   */
  attention_lse: AttentionParams
  /**
   * Query, key and value of `attention`, the cotangent of its result, `attention_lse`, delta [B, S, G, R], which is the sum of
   * cotangent * result over W, and the mask -> the gradient of the query. The next two ops take the same operands.
   */
  attention_query_gradient: AttentionParams
  attention_key_gradient: AttentionParams
  attention_value_gradient: AttentionParams

  // indexed
  /** table [N, ...], ids i32 [...] -> ids.shape + table.shape[1:]: whole rows. */
  take: None
  /** x [..., N], ids i32 [..., K] -> [..., K]: along the last axis, rows alike. */
  pick: None
  /** x [..., N] -> i32 [..., k]: indices of the k largest, best first, ties to the lower index, NaN last. */
  top_k: { readonly k: number }

  /**
   * Grouped GEMM. x [N, D], bank [E, F, D], expert i32 [N] -> [N, F]: y[n] = bank[expert[n]] x[n], 0 where the expert is -1. A
   * fourth operand `order` only guides the schedule.
   */
  grouped_matmul: None

  /**
   * Weight gradient of a grouped GEMM. x [N, D], y [N, F], expert i32 [N] -> [E, F, D]: the sum over the rows n of expert e of
   * y[n, f] * x[n, d]; rows of the expert -1 are left out. A fourth operand `order` only guides the schedule.
   */
  grouped_weight_gradient: { readonly experts: number }

  /**
   * values [N, ...], ids i32 [N] -> [size, ...]: the sum of the rows of each id, in the order of the rows; rows of the id -1 are
   * left out. A third operand begins with the row numbers sorted stably by id, and -1 for each row that is left out; it only
   * guides the schedule.
   */
  segment_sum: { readonly size: Dim }

  /**
   * key i32 [2] -> f32: uniform numbers above 0 and below 1. Philox 4x32-10 of the key (key[0], stream) at the counter (element /
   * 4, key[1], 0, 0); an element is number element % 4 of the four.
   */
  random: { readonly shape: readonly Dim[]; readonly stream: number }

  /**
   * cost [T, E], row marginals [T], column marginals [E] -> [E + 2]: the logarithms of the column scalings of the transport plan
   * exp(cost + log u + log v), then how many iterations were done, then the residual of the columns.
   */
  sinkhorn: { readonly iterations: number; readonly tolerance: number }

  /**
   * Cost, rows, columns of `sinkhorn`, and the cotangent of its result [E + 2] -> [T * E + T + E]: the gradients of cost, rows
   * and columns through every iteration that was done, in reverse. The cotangents of the count and of the residual are ignored.
   */
  sinkhorn_gradient: { readonly iterations: number; readonly tolerance: number }

  /**
   * x [..., M, N] -> [..., K * (1 + M + N)], K = min(M, N): the thin singular value decomposition, packed. K singular values,
   * descending; K left vectors, M each; K right vectors, N each.
   */
  svd: None

  /**
   * expert i32 [N] -> i32 [N]: the position of each row in its expert, the number of rows before it with the same expert; -1
   * where the expert is -1. A second operand `counts`, `expert_histogram` of the rows as [N, 1], only guides the schedule.
   */
  position_in_expert: { readonly experts: number }

  /**
   * cache [B, T, ...], x [B, S, ...], past i32 [B] -> [B, T, ...]: row past[b] + s of sequence b is x[b, s], the other rows are
   * those of the cache; rows beyond T are left out. The cache is a variable, which the result replaces: it is written where it
   * lies.
   */
  append: None

  // introduced by passes only
  /** expert i32 [T, K] -> i32 [ceil(T / block), experts]: how often each expert occurs in each block of rows. */
  expert_histogram: { readonly experts: number; readonly block: number }
  /**
   * expert i32 [T, K], counts of `expert_histogram` -> i32 [N + 2 * tiles], N = T * K, tiles = ceil(N / tile) + experts: the row
   * numbers sorted by expert and their tiles, laid out as `sorted-rows.ts` states.
   */
  sort_by_expert: { readonly experts: number; readonly block: number; readonly tile: number }
  /**
   * Cost, rows, columns of `sinkhorn`, and the state after one iteration less (none before the first) -> f32 [E + 3 + 2 * E *
   * blocks], blocks = floor(T / block) + 1: log v, iterations done, residual, 1 where converged; then for each block of rows the
   * largest log of the plan in each column, and the sums of exp beside it.
   */
  sinkhorn_step: { readonly tolerance: number; readonly block: number }
  /** Columns and the last state -> what `sinkhorn` gives. */
  sinkhorn_finish: None
}

export type OpName = keyof OpParams
