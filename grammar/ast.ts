/** The syntax tree, with a span on every node. Immutable discriminated unions by `kind`. */
import type { Source, Span } from './source.ts'

interface Spanned {
  readonly span: Span
}

export interface Name extends Spanned {
  readonly text: string
}

export interface File extends Spanned {
  readonly source: Source
  readonly imports: readonly Import[]
  readonly declarations: readonly Declaration[]
  readonly comments: readonly Comment[]
  /** Names that parts of the file with a syntax error would have declared: their uses are not reported again. */
  readonly lost: readonly Name[]
}

/** `// ...` and `/// ...`; the latter also stand as `doc` on what they precede. */
export interface Comment extends Spanned {
  readonly text: string
  readonly isDoc: boolean
}

/** `import { top_k, swiglu as gated } from "std/policies/top_k"` */
export interface Import extends Spanned {
  readonly names: readonly { readonly name: Name; readonly alias: Name | null; readonly span: Span }[]
  readonly from: StringLiteral
}

export type DeclarationKind = 'fn' | 'block' | 'expert' | 'policy' | 'model'

/** `block attention(x: f32[B, S, D], heads: int in 1.. = 4) -> f32[B, S, D] { ... }` */
export interface Declaration extends Spanned {
  readonly kind: 'declaration'
  readonly declares: DeclarationKind
  readonly name: Name
  readonly parameters: readonly Parameter[]
  readonly result: TypeNode | null
  readonly body: readonly Statement[]
  /** Whether a part of it was dropped for a syntax error; then missing statements are not reported. */
  readonly isPartial: boolean
  /** Lines of the doc comment, without the slashes. */
  readonly doc: readonly string[]
}

/** `k: int in 1..E = 2`, `cost: "linear" | "softmax" = "softmax"`, `x: f32[..., D]` */
export interface Parameter extends Spanned {
  readonly name: Name
  readonly type: TypeNode
  readonly range: RangeNode | null
  readonly default: Expression | null
  readonly doc: readonly string[]
}

/** `low..high`, both ends included; a missing end is open. */
export interface RangeNode extends Spanned {
  readonly low: Expression | null
  readonly high: Expression | null
}

export type TypeNode = ScalarTypeNode | ChoiceTypeNode | TensorTypeNode

/** `int`, `real`, `bool`, `string` */
export interface ScalarTypeNode extends Spanned {
  readonly kind: 'scalar-type'
  readonly name: Name
}

/** `"linear" | "softmax"` */
export interface ChoiceTypeNode extends Spanned {
  readonly kind: 'choice-type'
  readonly options: readonly StringLiteral[]
}

/** `f32[B, S, heads * C]`; `f32[]` is a scalar tensor; a leading `...` stands for any number of axes. */
export interface TensorTypeNode extends Spanned {
  readonly kind: 'tensor-type'
  readonly dtype: Name
  readonly anyLeading: boolean
  readonly shape: readonly Expression[]
}

export type Statement =
  | LetStatement
  | AssignStatement
  | ParamStatement
  | InputStatement
  | OutputStatement
  | ReturnStatement
  | RepeatStatement
  | SelectStatement
  | WeighStatement
  | KeepStatement
  | LossStatement
  | OnceStatement
  | WhenTrainingStatement
  | WeightsStatement
  | AssertStatement
  | TrainStatement
  | MetricStatement
  | MethodStatement
  | NumberStatement
  | BatchStatement
  | InitialiseStatement
  | GroupStatement
  | LearnsStatement

/** `let h = expression` or `var h = expression`; only a `var` may be assigned again. */
export interface LetStatement extends Spanned {
  readonly kind: 'let'
  readonly mutable: boolean
  readonly name: Name
  readonly type: TypeNode | null
  readonly value: Expression
  readonly doc: readonly string[]
}

/** `h = expression` */
export interface AssignStatement extends Spanned {
  readonly kind: 'assign'
  readonly name: Name
  readonly value: Expression
}

/** `param gate: f32[E, D]`: a weight, learned or loaded; `param gain: f32[D] = ones()` also declares the initialiser. */
export interface ParamStatement extends Spanned {
  readonly kind: 'param'
  readonly name: Name
  readonly type: TensorTypeNode
  readonly initialiser: CallExpression | null
  readonly doc: readonly string[]
}

/** `input tokens: i32[B, S]` */
export interface InputStatement extends Spanned {
  readonly kind: 'input'
  readonly name: Name
  readonly type: TensorTypeNode
  readonly doc: readonly string[]
}

/** `output logits: f32[B, S, V] = expression` */
export interface OutputStatement extends Spanned {
  readonly kind: 'output'
  readonly name: Name
  readonly type: TensorTypeNode | null
  readonly value: Expression
  readonly doc: readonly string[]
}

/** `return expression`, last in a fn, block or expert. */
export interface ReturnStatement extends Spanned {
  readonly kind: 'return'
  readonly value: Expression
}

/** `repeat layers[i] in 0..L { ... }`: the label begins the path of the weights inside; the upper end is excluded. */
export interface RepeatStatement extends Spanned {
  readonly kind: 'repeat'
  readonly label: Name
  readonly index: Name
  readonly from: Expression
  readonly to: Expression
  readonly body: readonly Statement[]
}

/** `select top k by scores`: binds `selected: i32[T, k]`, best first, ties to the lower index. */
export interface SelectStatement extends Spanned {
  readonly kind: 'select'
  readonly count: Expression
  readonly by: Expression
}

/** `weigh expression`: f32[T, k], the weight of each selected expert. */
export interface WeighStatement extends Spanned {
  readonly kind: 'weigh'
  readonly value: Expression
}

/** `keep expression`: bool[T, k], which of the selected experts are used. */
export interface KeepStatement extends Spanned {
  readonly kind: 'keep'
  readonly value: Expression
}

/** `loss balance = expression`: a scalar, added to the objective when training. */
export interface LossStatement extends Spanned {
  readonly kind: 'loss'
  readonly name: Name
  readonly value: Expression
  readonly doc: readonly string[]
}

/** `once { let ... }`: depends on weights alone; its lets are visible after it. */
export interface OnceStatement extends Spanned {
  readonly kind: 'once'
  readonly body: readonly Statement[]
}

/**
 * `when training at rate after warmup, at_most layers a step { ... } else { ... }`, or `, all layers together` in place of the
 * limit.
 */
export interface WhenTrainingStatement extends Spanned {
  readonly kind: 'when-training'
  readonly rate: Expression | null
  readonly after: Expression | null
  readonly atMost: Expression | null
  /** One draw for all layers; absent where each draws for itself. */
  readonly isTogether?: true
  readonly body: readonly Statement[]
  readonly otherwise: readonly Statement[] | null
}

/** `weights { layers.{i}.moe.gate = "model.layers.{i}.gate.weight" }` in a model. */
export interface WeightsStatement extends Spanned {
  readonly kind: 'weights'
  readonly entries: readonly WeightLine[]
}

export type WeightLine = WeightEntry | WeightGroup

/** `layers.{i} = "model.layers.{i}" { ... }`: what the paths and the names of the entries inside begin with. */
export interface WeightGroup extends Spanned {
  readonly kind: 'weight-group'
  readonly path: readonly WeightPathPart[]
  readonly template: StringLiteral
  readonly entries: readonly WeightLine[]
}

/** One path of weights and its source in a checkpoint. */
export interface WeightEntry extends Spanned {
  readonly kind: 'weight-entry'
  readonly path: readonly WeightPathPart[]
  readonly template: StringLiteral
  /** `[e, 0:F, ::2]` after the template. */
  readonly slices: readonly SliceNode[] | null
  readonly transpose: boolean
}

/** `moe`, `{i}`, or `{q, k}`: one of several names, each with the name at its place in the lists of the template. */
export type WeightPathPart =
  | { readonly kind: 'name'; readonly name: Name }
  | { readonly kind: 'index'; readonly name: Name }
  | { readonly kind: 'choice'; readonly names: readonly Name[] }

/** `assert D % heads == 0, "heads divide the width"`: checked when the numbers are known. */
export interface AssertStatement extends Spanned {
  readonly kind: 'assert'
  readonly condition: Expression
  readonly message: StringLiteral | null
}

/** `train { loss ...; optimiser ...; ... }` in a model: everything that only training has. */
export interface TrainStatement extends Spanned {
  readonly kind: 'train'
  readonly body: readonly Statement[]
}

/** `metric accuracy = expression`: a scalar that is reported in training, not part of the objective. */
export interface MetricStatement extends Spanned {
  readonly kind: 'metric'
  readonly name: Name
  readonly value: Expression
  readonly doc: readonly string[]
}

/** `optimiser adamw(rate = 3e-4)`, `schedule cosine(warmup = 100)` */
export interface MethodStatement extends Spanned {
  readonly kind: 'optimiser' | 'schedule'
  readonly method: CallExpression
}

/** `clip 1.0`, `accumulate 2`, `steps 1000`, `seed 1` */
export interface NumberStatement extends Spanned {
  readonly kind: NumberSetting
  readonly value: Expression
}

export type NumberSetting = 'clip' | 'accumulate' | 'steps' | 'seed'

/** `batch B = 16, S = 64`: sizes of dims that are open until a run. */
export interface BatchStatement extends Spanned {
  readonly kind: 'batch'
  readonly sizes: readonly Argument[]
}

/** `initialise normal(0.02)`, `initialise "*.gain" ones()`: with a pattern, for the weights whose paths match it. */
export interface InitialiseStatement extends Spanned {
  readonly kind: 'initialise'
  readonly pattern: StringLiteral | null
  readonly method: CallExpression
}

/** `group "*.router.*" (decay = 0.0, rate = 0.5)`: a parameter group. */
export interface GroupStatement extends Spanned {
  readonly kind: 'group'
  readonly pattern: StringLiteral
  readonly settings: readonly Argument[]
}

/**
 * `learns router, "*.norm"`: the weights that train; all others are frozen. A name selects the weights that have it as a label of
 * their path. `learns lora(rank = 8) on experts`: by low-rank pairs beside them.
 */
export interface LearnsStatement extends Spanned {
  readonly kind: 'learns'
  readonly method: CallExpression | null
  readonly selections: readonly WeightSelection[]
}

export type WeightSelection = StringLiteral | NameExpression

export type Expression =
  | NumberLiteral
  | StringLiteral
  | BooleanLiteral
  | ListExpression
  | NameExpression
  | UnaryExpression
  | BinaryExpression
  | CallExpression
  | IndexExpression
  | TransposeExpression
  | MemberExpression
  | ConditionalExpression
  | MoeExpression

export interface NumberLiteral extends Spanned {
  readonly kind: 'number'
  readonly value: number
  readonly isInteger: boolean
}

export interface StringLiteral extends Spanned {
  readonly kind: 'string'
  readonly value: string
}

export interface BooleanLiteral extends Spanned {
  readonly kind: 'boolean'
  readonly value: boolean
}

export interface ListExpression extends Spanned {
  readonly kind: 'list'
  readonly items: readonly Expression[]
}

export interface NameExpression extends Spanned {
  readonly kind: 'name'
  readonly name: Name
}

export type UnaryOperator = '-' | 'not'

export interface UnaryExpression extends Spanned {
  readonly kind: 'unary'
  readonly operator: UnaryOperator
  readonly operand: Expression
}

/** Loosest first: or; and; comparisons; + -; * / % @ (one level, left to right). */
export type BinaryOperator = 'or' | 'and' | '==' | '!=' | '<' | '<=' | '>' | '>=' | '+' | '-' | '*' | '/' | '%' | '@'

export interface BinaryExpression extends Spanned {
  readonly kind: 'binary'
  readonly operator: BinaryOperator
  readonly left: Expression
  readonly right: Expression
}

/** `rms_norm(h, eps = 1e-5) as final_norm`: positional arguments first; `as` names the instance's weights. */
export interface CallExpression extends Spanned {
  readonly kind: 'call'
  readonly callee: Name
  readonly arguments: readonly Argument[]
  readonly label: Name | null
}

export interface Argument extends Spanned {
  readonly name: Name | null
  readonly value: Expression
}

/** `x[:, 0:64]` */
export interface IndexExpression extends Spanned {
  readonly kind: 'index'
  readonly operand: Expression
  readonly slices: readonly SliceNode[]
}

/** `start:stop:step`, each optional, or one index, which drops the axis. */
export interface SliceNode extends Spanned {
  readonly index: Expression | null
  readonly start: Expression | null
  readonly stop: Expression | null
  readonly step: Expression | null
}

/** `w.T`: the last two axes swapped. */
export interface TransposeExpression extends Spanned {
  readonly kind: 'transpose'
  readonly operand: Expression
}

/** `experts.gate` in a policy: a weight of all experts, f32[E, ...]. */
export interface MemberExpression extends Spanned {
  readonly kind: 'member'
  /** `experts`: nothing else has members. */
  readonly of: Name
  readonly name: Name
}

/** `if condition then a else b`, the condition known at compile time. */
export interface ConditionalExpression extends Spanned {
  readonly kind: 'conditional'
  readonly condition: Expression
  readonly then: Expression
  readonly otherwise: Expression
}

/** `moe(h) as moe { experts E of swiglu(F); route top_k(k = 2); shared 1 of swiglu(F); require dropless }` */
export interface MoeExpression extends Spanned {
  readonly kind: 'moe'
  readonly input: Expression
  readonly label: Name | null
  readonly clauses: readonly MoeClause[]
}

export type MoeClause = ExpertsClause | RouteClause | SharedClause | RequireClause

/** `experts E of swiglu(F = 64)`: a call of an expert without its tensor. */
export interface ExpertsClause extends Spanned {
  readonly kind: 'experts'
  readonly count: Expression
  readonly of: CallExpression
}

/** `route top_k(k = 2)`; the label names the policy's weights, `router` by default. */
export interface RouteClause extends Spanned {
  readonly kind: 'route'
  readonly policy: CallExpression
}

/** `shared 1 of swiglu(F = 64)`: process every token; added to the routed sum. */
export interface SharedClause extends Spanned {
  readonly kind: 'shared'
  readonly count: Expression
  readonly of: CallExpression
}

export interface RequireClause extends Spanned {
  readonly kind: 'require'
  readonly constraint: Constraint
}

export type OverflowRule = 'drop' | 'next' | 'shared'

export type Constraint =
  /** `dropless` */
  | (Spanned & { readonly kind: 'dropless' })
  /** `capacity 1.25 overflow drop` */
  | (Spanned & { readonly kind: 'capacity'; readonly factor: Expression; readonly overflow: OverflowRule })
  /** `groups 8 keep 4` */
  | (Spanned & { readonly kind: 'groups'; readonly count: Expression; readonly keep: Expression })
  /** `bias balanced at 0.001` */
  | (Spanned & { readonly kind: 'bias-balanced'; readonly rate: Expression })
  /** `balanced within 5%` */
  | (Spanned & { readonly kind: 'balanced-within'; readonly percent: Expression })
  /** `expert choice` */
  | (Spanned & { readonly kind: 'expert-choice' })
  /** `at most 64 tokens an expert` */
  | (Spanned & { readonly kind: 'at-most'; readonly tokens: Expression })
  /** `each token 2 experts` */
  | (Spanned & { readonly kind: 'each-token'; readonly experts: Expression })
