/** Fused attention as plain data: sizes, scores, and the buffers that a kernel reads and stores. */
import { ceilDivide, product, type Dim } from '../../../plan/dim.ts'
import type { AttentionParams } from '../../graph/vocabulary.ts'

/** What a kernel of attention computes; a thread computes a row of one of the operands. */
export type AttentionRole =
  /** The result and the log-sum-exp of rows of the query, either of which may not be stored. */
  | 'forward'
  | 'query_gradient'
  /** The gradients of key and value, either of which may not be stored. */
  | 'key_gradient'

/** Buffers by what they hold, laid out as the ops of attention have them. */
export type AttentionBuffer =
  | 'query'
  | 'key'
  | 'value'
  | 'mask'
  | 'sinks'
  | 'past'
  | 'cotangent'
  | 'lse'
  | 'delta'
  | 'result'
  | 'lse_result'
  | 'query_result'
  | 'key_result'
  | 'value_result'

/** In the order in which they are printed; those behind `delta` are stored. */
export const ATTENTION_BUFFERS: readonly AttentionBuffer[] = [
  'query',
  'key',
  'value',
  'mask',
  'sinks',
  'past',
  'cotangent',
  'lse',
  'delta',
  'result',
  'lse_result',
  'query_result',
  'key_result',
  'value_result',
]

/** B batches, S queries, T keys, G key heads, each of R query heads; C and W are the widths of keys and of values. */
export interface Attention extends AttentionParams {
  readonly role: AttentionRole
  readonly B: Dim
  readonly S: Dim
  readonly T: Dim
  readonly G: Dim
  readonly R: Dim
  readonly C: number
  readonly W: number
  /** Neighbouring rows that a workgroup computes. */
  readonly rows: number
  /** The axes B, S, G, R and T along which the mask has more than one element. */
  readonly maskAxes: readonly boolean[]
  readonly buffers: Readonly<Partial<Record<AttentionBuffer, string>>>
}

/** Blocks of rows of one head: of queries, or of keys. */
export const attentionBlocks = ({ role, S, T, rows }: Attention): Dim => ceilDivide(role === 'key_gradient' ? T : S, rows)

/** Workgroups: every block of every head of every batch; blocks of one head follow each other. */
export const attentionWorkgroups = (attention: Attention): Dim => {
  const { role, B, G, R } = attention
  return product([B, G, role === 'key_gradient' ? 1 : R, attentionBlocks(attention)])
}

/** Whether a query may see no key at all: one behind the last key does not, within a window. */
export const mayBeBlind = ({ buffers, before, after, S, T }: Attention): boolean =>
  buffers.mask !== undefined || buffers.past !== undefined || before < 0 || after < 0 || S !== T
