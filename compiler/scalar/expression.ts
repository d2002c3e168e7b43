/**
 * The language inside a kernel: what one invocation computes. Expressions are pure trees; an index is a u32.
 * A target spells it (`compiler/wgsl/spelling.ts`), the reference runs it.
 */
import type { Dim } from '../../plan/dim.ts'

export type ScalarType = 'f32' | 'i32' | 'u32' | 'bool'

export type UnaryWord =
  | 'negate'
  | 'not'
  | 'abs'
  | 'sign'
  | 'floor'
  | 'exp'
  | 'log'
  | 'log1p'
  | 'sqrt'
  | 'rsqrt'
  | 'sin'
  | 'cos'
  | 'tanh'
  | 'erf'
  | 'sigmoid'
  | 'softplus'
  | 'cast_f16'

export type BinaryWord =
  | 'add'
  | 'subtract'
  | 'multiply'
  | 'divide'
  | 'remainder'
  | 'power'
  | 'minimum'
  | 'maximum'
  | 'less'
  | 'less_equal'
  | 'equal'
  | 'and'
  | 'or'

/** `random_bits` of two words of a key, two of a counter and a place 0..3: that word of Philox 4x32-10 at the counter, whose other two words are 0. */
export type CallWord = 'random_bits'

export type ReduceWord = 'sum' | 'max' | 'min'

export type Expression =
  | { readonly kind: 'literal'; readonly type: ScalarType; readonly value: number }
  | { readonly kind: 'variable'; readonly type: ScalarType; readonly name: string }
  /** A size, u32: a number, or made from the plan's dims. */
  | { readonly kind: 'size'; readonly type: 'u32'; readonly dim: Dim }
  /** One element of a buffer; the index counts elements. */
  | { readonly kind: 'load'; readonly type: ScalarType; readonly buffer: string; readonly index: Expression }
  /** One element of a private or workgroup array. */
  | { readonly kind: 'element'; readonly type: ScalarType; readonly array: string; readonly index: Expression }
  | { readonly kind: 'unary'; readonly type: ScalarType; readonly word: UnaryWord; readonly operand: Expression }
  | {
      readonly kind: 'binary'
      readonly type: ScalarType
      readonly word: BinaryWord
      readonly left: Expression
      readonly right: Expression
    }
  | {
      readonly kind: 'select'
      readonly type: ScalarType
      readonly condition: Expression
      readonly then: Expression
      readonly otherwise: Expression
    }
  | { readonly kind: 'cast'; readonly type: ScalarType; readonly operand: Expression }
  /** A function of more than two operands. */
  | { readonly kind: 'call'; readonly type: ScalarType; readonly word: CallWord; readonly operands: readonly Expression[] }
  /** The body folded over variable = 0 .. extent - 1, in ascending order. */
  | {
      readonly kind: 'reduce'
      readonly type: ScalarType
      readonly word: ReduceWord
      readonly variable: string
      readonly extent: Expression
      readonly body: Expression
    }

export type Statement =
  | { readonly kind: 'let'; readonly name: string; readonly value: Expression }
  | { readonly kind: 'var'; readonly name: string; readonly value: Expression }
  /** A private array of constant length. */
  | { readonly kind: 'array'; readonly name: string; readonly type: ScalarType; readonly length: number }
  | { readonly kind: 'assign'; readonly name: string; readonly value: Expression }
  | { readonly kind: 'assign-element'; readonly array: string; readonly index: Expression; readonly value: Expression }
  | { readonly kind: 'store'; readonly buffer: string; readonly index: Expression; readonly value: Expression }
  /** from, from + step, ... below `below`. */
  | {
      readonly kind: 'for'
      readonly variable: string
      readonly from: Expression
      readonly below: Expression
      readonly step: Expression
      readonly body: readonly Statement[]
    }
  | {
      readonly kind: 'if'
      readonly condition: Expression
      readonly body: readonly Statement[]
      readonly otherwise: readonly Statement[]
    }
  /**
   * All invocations of the workgroup reach it: never inside a divergent branch. What was put into the workgroup's arrays before it is seen
   * after it; with `buffers`, what was stored in buffers too.
   */
  | { readonly kind: 'barrier'; readonly buffers?: boolean }
  /** Folds a var over all lanes of the workgroup; each lane ends with the whole. Reached by all of them. */
  | { readonly kind: 'combine'; readonly name: string; readonly type: ScalarType; readonly word: ReduceWord }
  /**
   * Names one element of a workgroup array, the same value for all invocations, once all have arrived; none goes on before all have read
   * it. What stands under such a value may hold barriers.
   */
  | { readonly kind: 'agree'; readonly name: string; readonly array: string; readonly index: Expression }
  /** The body, and again as long as `while` holds after it; all invocations agree on that, and names of the body are known to it. */
  | { readonly kind: 'loop'; readonly body: readonly Statement[]; readonly while: Expression }
