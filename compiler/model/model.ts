/** The checked model: names, dims and types are resolved, loops are not unrolled, and the syntax tree is no longer needed. */
import type { Constraint, OverflowRule } from '../../grammar/ast.ts'
import type { Dim } from '../../plan/dim.ts'
import type { Origin } from '../graph/node.ts'
import type { DType } from '../graph/vocabulary.ts'
import type { BuiltinName } from './builtin/table.ts'
import type { Options } from './builtin/options.ts'
import type { Static, StaticType, StaticValue } from './static/static.ts'

export interface Model {
  readonly name: string
  readonly doc: string
  readonly origin: Origin
  readonly parameters: readonly ParameterFact[]
  /** Symbolic dims, bound by the shapes of the inputs at each run. */
  readonly dims: readonly { readonly name: string; readonly doc: string }[]
  /** Those that count sequences, and those that count their positions, where something looks back at earlier positions. */
  readonly sequences: { readonly count: readonly string[]; readonly positions: readonly string[] }
  readonly inputs: readonly InputTerm[]
  readonly steps: readonly Step[]
  readonly outputs: readonly Output[]
  readonly weights: readonly WeightFact[]
  /** Every moe, in the order of the text. */
  readonly moes: readonly MoeTerm[]
  /** Parameters of the model, by name. */
  readonly values: Readonly<Record<string, StaticValue>>
  /** Symbols in dims that stand for an int that a dim cannot express. */
  readonly symbols: Readonly<Record<string, Static>>
  /** The `train` block; null if the model has none. */
  readonly train: Train | null
}

/** A `train` block with evaluated settings. */
export interface Train {
  readonly origin: Origin
  readonly inputs: readonly InputTerm[]
  /** Symbolic dims that only these inputs have. */
  readonly dims: readonly string[]
  /** Lets, losses and metrics. */
  readonly steps: readonly Step[]
  readonly optimiser: MethodFact
  readonly schedule: MethodFact | null
  readonly clip: Static | null
  readonly accumulate: Static | null
  readonly runSteps: Static | null
  readonly seed: Static | null
  /** Sizes of the dims that are symbolic in a run. */
  readonly batch: Readonly<Record<string, Static>>
  /** In the order of the text: the last that matches a weight applies. */
  readonly initialisers: readonly InitialiserFact[]
  readonly groups: readonly GroupFact[]
  /** What trains, in the order of the text; null where every weight does. */
  readonly learns: readonly LearnsFact[] | null
}

/** An optimiser, a schedule or an initialiser with all its settings. */
export interface MethodFact {
  readonly kind: string
  readonly settings: Readonly<Record<string, Static>>
}

/** Without a pattern it is for every weight that declares none itself. */
export interface InitialiserFact {
  readonly pattern: string | null
  readonly method: MethodFact
}

/** Weights that train, themselves or by low-rank pairs beside them. */
export interface LearnsFact {
  readonly named: WeightPattern
  /** The settings of LoRA; null where the weights train themselves. */
  readonly lora: MethodFact | null
}

/** Weights by their paths: all that match a pattern, or all that have a label on their path. */
export type WeightPattern =
  { readonly kind: 'pattern'; readonly pattern: string } | { readonly kind: 'label'; readonly label: string }

/** Null where the group leaves it as it is. */
export interface GroupFact {
  readonly pattern: string
  readonly rate: Static | null
  readonly decay: Static | null
}

/** A parameter of a model or of an instance, with the value it has. */
export interface ParameterFact {
  readonly name: string
  readonly type: StaticType
  /** As given, over the parameters of the model. */
  readonly given: Static
  /** Its value; undefined where it depends on a loop index. */
  readonly value: StaticValue | undefined
  /** `1..E`, or `"a" | "b"`; empty where every value is allowed. */
  readonly range: string
  readonly doc: string
}

export interface Output {
  readonly name: string
  readonly term: Term
  readonly doc: string
}

export interface Loss {
  readonly name: string
  /** Labels from the model down to the instance that adds it. */
  readonly path: readonly string[]
  readonly term: Term
  readonly doc: string
}

interface Typed {
  readonly shape: readonly Dim[]
  readonly dtype: DType
  readonly origin: Origin
}

export type Term =
  | InputTerm
  | WeightTerm
  | GivenTerm
  | ScalarTerm
  | NumbersTerm
  | ApplyTerm
  | CallTerm
  | ConditionalTerm
  | CarriedTerm
  | AfterTerm
  | MoeTerm
  | EveryExpertTerm
  | EligibleTerm
  | BankTerm
  | BranchTerm

export interface InputTerm extends Typed {
  readonly kind: 'input'
  readonly name: string
  readonly doc: string
}

/** A weight of an instance; in an expert of a moe, the matrix of the row's own expert. */
export interface WeightTerm extends Typed {
  readonly kind: 'weight'
  /** `layers.{i}.attention.q`. */
  readonly path: string
  /** How many of them lie in one bank; null for a weight of its own. */
  readonly bank: Dim | null
  /** The initialiser, if the `param` declares one. */
  readonly initialiser: MethodFact | null
  readonly doc: string
}

/** An implicit input of a body: the rows of an expert, the tokens of a policy. */
export interface GivenTerm extends Typed {
  readonly kind: 'given'
  readonly name: string
}

/** A number known at compile time, among tensors. */
export interface ScalarTerm extends Typed {
  readonly kind: 'scalar'
  readonly value: Static
}

/** A list of numbers known at compile time, [N]. */
export interface NumbersTerm extends Typed {
  readonly kind: 'numbers'
  readonly values: readonly Static[]
}

export interface ApplyTerm extends Typed {
  readonly kind: 'apply'
  readonly builtin: BuiltinName
  readonly operands: readonly Term[]
  readonly options: Options
}

/** The body of a declaration, checked for these arguments. */
export interface CallTerm extends Typed {
  readonly kind: 'call'
  readonly name: string
  readonly declares: 'fn' | 'block' | 'expert'
  readonly doc: string
  /** Labels from the model down to this instance, as `layers.{i}`, `attention`. */
  readonly path: readonly string[]
  readonly arguments: readonly { readonly name: string; readonly value: Term | Static }[]
  readonly steps: readonly Step[]
  readonly result: Term
}

/** A conditional on a loop index, resolved by lowering. */
export interface ConditionalTerm extends Typed {
  readonly kind: 'conditional'
  readonly condition: Static
  readonly then: Term
  readonly otherwise: Term
}

/** A var at the start of a loop iteration. */
export interface CarriedTerm extends Typed {
  readonly kind: 'carried'
  readonly name: string
}

/** A var after a loop. */
export interface AfterTerm extends Typed {
  readonly kind: 'after'
  readonly name: string
  readonly loop: Loop
}

export interface MoeTerm extends Typed {
  readonly kind: 'moe'
  readonly path: readonly string[]
  readonly input: Term
  /** [T, D]: all leading axes of the input as one. */
  readonly rows: GivenTerm
  readonly tokens: Dim
  readonly experts: ExpertBank
  readonly policy: Policy
  readonly shared: readonly CallTerm[]
  readonly constraints: readonly ConstraintFact[]
  readonly rules: Rules
}

export interface ExpertBank {
  readonly count: Dim
  /** The rows an expert sees: [n, D] with n a symbol of its own. */
  readonly rows: GivenTerm
  readonly body: CallTerm
}

/** experts(x) in a policy: the outputs of all experts for all tokens, [T, E, D]. */
export interface EveryExpertTerm extends Typed {
  readonly kind: 'every-expert'
  readonly input: Term
}

/** The scores that select in a policy, f32 [T, E]: experts that a run is without have the lowest. */
export interface EligibleTerm extends Typed {
  readonly kind: 'eligible'
  readonly scores: Term
}

/** experts.gate in a policy: a weight of all experts, [E, ...]. */
export interface BankTerm extends Typed {
  readonly kind: 'bank'
  readonly weight: WeightTerm
}

/** A value after `when training` that its branches define differently. */
export interface BranchTerm extends Typed {
  readonly kind: 'branch'
  /** The index of the `when training` among the blocks of its policy. */
  readonly block: number
  readonly training: Term
  readonly otherwise: Term
}

export interface Policy {
  readonly name: string
  readonly doc: string
  readonly path: readonly string[]
  readonly origin: Origin
  readonly parameters: readonly ParameterFact[]
  /** The ids of the tokens, where the policy reads them. */
  readonly ids: { readonly given: GivenTerm; readonly input: InputTerm } | null
  /** The steps outside of every `when training`; a step of kind `when` marks the place of each block. */
  readonly own: PolicySection
  /** Every `when training`, in the order of the text. */
  readonly blocks: readonly TrainingBlock[]
  readonly inference: Route
}

/** A section of a policy and what it selects, weighs and keeps; null for what another section does. */
export interface PolicySection {
  readonly steps: readonly Step[]
  readonly select: Selection | null
  readonly weights: Term | null
  readonly keep: Term | null
}

/** A `when training` of a policy. Without a rate, a warm-up and a limit it happens in every step of training. */
export interface TrainingBlock {
  /** Of the steps; null for every step. */
  readonly rate: Static | null
  readonly after: Static | null
  readonly atMost: Static | null
  /** One draw a step for all layers. */
  readonly isTogether: boolean
  readonly training: PolicySection
  readonly otherwise: PolicySection
}

/** What a policy does in one form: at inference, or with some of its blocks in training. */
export interface Route extends Selection {
  /** Of the blocks, in the order of the text. */
  readonly steps: readonly Step[]
  readonly weights: Term
  /** Which of the selected experts are kept, bool [T, k]; null for all. */
  readonly keep: Term | null
}

export interface Selection {
  readonly scores: Term
  /** The assignments of a token. */
  readonly count: Dim
  /** The number of experts of a token: `count`, except under expert choice. */
  readonly asked: Dim
  readonly selected: Term
}

/** What the constraints change in a run. */
export interface Rules {
  /** The capacity of an expert in tokens; null if unlimited. */
  readonly limit: Limit | null
  /** Each expert takes the ceil(k * T / E) tokens with its highest scores. */
  readonly expertChoice: boolean
  /** The experts of a token lie in `keep` groups of the `count`. */
  readonly groups: { readonly count: Dim; readonly keep: Dim } | null
  /** The allowed deviation of an expert's load from the mean, in percent; checked on the decisions of a run. */
  readonly within: Static | null
  /** The update of an expert's bias in a step of training. */
  readonly biasRate: Static | null
}

/** A capacity C = ceil(factor * T * k / E), or a number of tokens. */
export type Limit =
  | { readonly kind: 'capacity'; readonly factor: Static; readonly overflow: OverflowRule }
  | { readonly kind: 'tokens'; readonly tokens: Dim; readonly overflow: 'drop' }

/** A constraint that is declared and holds. */
export interface ConstraintFact {
  readonly kind: Constraint['kind']
  readonly text: string
  readonly origin: Origin
}

/** A `repeat`, its body once. */
export interface Loop {
  readonly label: string
  /** The symbol of the index. */
  readonly index: string
  readonly from: Dim
  readonly to: Dim
  readonly carried: readonly { readonly name: string; readonly initial: Term; readonly start: CarriedTerm; readonly next: Term }[]
  readonly steps: readonly Step[]
}

/** The statements of a body, in order, for printers and for lowering. */
export type Step =
  | { readonly kind: 'let'; readonly name: string; readonly value: Term | Static; readonly doc: string }
  | { readonly kind: 'param'; readonly name: string; readonly term: WeightTerm }
  | { readonly kind: 'loop'; readonly loop: Loop }
  /** Lets whose values are held under their names after this path. */
  | { readonly kind: 'once'; readonly path: readonly string[]; readonly steps: readonly Step[] }
  | { readonly kind: 'loss'; readonly loss: Loss }
  /** Reported in training, not part of the objective. */
  | { readonly kind: 'metric'; readonly metric: Loss }
  /** The place of a `when training` of a policy, by its index; its steps are those of the block. */
  | { readonly kind: 'when'; readonly block: number }

/** A weight, or a bank of them, and its source in a checkpoint. */
export interface WeightFact {
  readonly term: WeightTerm
  /** The path with `{*}` for the expert, `layers.{i}.moe.experts.{*}.gate`; null for a weight of no bank. */
  readonly stackedPath: string | null
  /** Loops around it, outermost first. */
  readonly loops: readonly LoopRange[]
  readonly source: WeightSourceFact | null
}

export interface LoopRange {
  readonly index: string
  readonly from: Dim
  readonly to: Dim
}

/** Templates name indices in braces; a stacked one holds `{e}`, or what the path calls it, for the experts. */
export interface WeightSourceFact {
  readonly template: string
  /**
   * The names used in the template and the slices, and the symbol of the loop each stands for; the expert's is `EXPERT_INDEX`.
   */
  readonly binds: Readonly<Record<string, string>>
  readonly stacked: boolean
  readonly slices: readonly (
    | { readonly kind: 'all' }
    | { readonly kind: 'index'; readonly at: Dim }
    | { readonly kind: 'range'; readonly start: Dim; readonly stop: Dim | null; readonly step: number }
  )[]
  readonly transpose: boolean
}

/** The symbol of the index over the experts of a bank. */
export const EXPERT_INDEX = 'expert of the bank'

/** The symbol of the number of rows an expert sees. */
export const EXPERT_ROWS = 'rows of an expert'

export const isTerm = (value: Term | Static): value is Term => 'origin' in value
