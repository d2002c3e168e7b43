/** Where the lowering stands: values of symbols, and what is lowered already. */
import { evaluate as evaluateDim, substitute, symbolsOf, type Dim, type DimLike } from '../../plan/dim.ts'
import type { ReportRole } from '../../plan/output-role.ts'
import type { CompetitionStep, RoutedLayer } from '../../plan/recipe.ts'
import { emptyTable, own } from '../../plan/table.ts'
import type { Node, Origin, RoutingRequirements } from '../graph/node.ts'
import type { Builder } from '../ops/build.ts'
import { folds } from '../model/context/context.ts'
import type { Loop, Model, MoeTerm, Step, Term } from '../model/model.ts'
import { evaluate, type Static, type StaticValue } from '../model/static/static.ts'
import { pathWith } from '../model/weights/paths.ts'
import type { RandomStreams } from './random.ts'
import type { ProgressInputs } from './progress.ts'
import type { State } from './state.ts'

/** The numbers of experts that no token may select, by the instance of their layer: `layers.0/moe`. */
export type MaskedExperts = Readonly<Record<string, readonly number[]>>

/** The two ways through a model, bound together once. */
export interface Walk {
  readonly term: (environment: Environment, term: Term) => Node
  readonly steps: (environment: Environment, steps: readonly Step[]) => void
}

export interface Environment {
  readonly walk: Walk
  readonly model: Model
  readonly builder: Builder
  readonly parent: Environment | null
  /** Parameters of the model, loop indices, and the number of rows an expert sees. */
  readonly values: Readonly<Record<string, StaticValue | Dim>>
  readonly nodes: Map<Term, Node>
  /** The vars of the loops that have run. */
  readonly loops: Map<Loop, ReadonlyMap<string, Node>>
  /** The moe whose policy is being lowered. */
  readonly moe: MoeTerm | null
  /** The expert of each row, while experts are lowered. */
  readonly expertOfRow: RowExperts | null
  /** The routing decisions of every moe so far, in the order of the run. */
  readonly routes: RouteNodes[]
  /** The inputs that are used in the place of decisions, so far; null where policies decide. */
  readonly replayed: InputNode[] | null
  /** Whether this is the graph of a training step, */
  readonly training: boolean
  /** or of an evaluation step, whose weights change from run to run. */
  readonly evaluation: boolean
  /**
   * The `when training` blocks with a rate that are active in this graph, by the names of their competition steps; null for all
   * of them.
   */
  readonly competitions: readonly string[] | null
  /** The `when training` blocks that are active, of the policy that is being lowered. */
  readonly active: ReadonlySet<number>
  /** Whether losses are outputs. */
  readonly reports: boolean
  /** The terms of the objective so far. */
  readonly losses: Reported[]
  readonly metrics: Reported[]
  /** The inputs for the progress of the training, so far. */
  readonly progress: ProgressInputs
  /** The random streams so far. */
  readonly randomStreams: RandomStreams
  /** What is kept between runs, so far; null where nothing is. */
  readonly state: State | null
  /** Experts that no token may select. */
  readonly maskedExperts: MaskedExperts
  /** Outputs [E * T, D] of all experts for all tokens (dense evaluation), by their input. */
  readonly denseOutputs: Map<Node, Node>
}

/** A loss or a metric, f32 []. */
export interface Reported {
  readonly role: ReportRole
  readonly doc: string
  readonly node: Node
}

export type InputNode = Node<'input'> & { readonly op: 'input' }

/** i32 [N] both: the expert of each row, -1 for none; and where to read what belongs to it, which is always a place there is. */
export interface RowExperts {
  readonly expert: Node
  readonly entry: Node
  /** Whether rows may be without an expert. */
  readonly isPartial: boolean
}

/** The experts that each token chose, i32 [T, K], and what they count, f32 [T, K]. */
export interface RouteNodes {
  /** `layers.0/moe` */
  readonly instance: string
  /** The instance of its policy: `layers.0/moe/router`. */
  readonly router: string
  /** E. */
  readonly experts: number
  /** How many experts a token selects; under expert choice in the mean. */
  readonly topK: number
  /** Whether experts choose tokens. */
  readonly isByExperts: boolean
  /** What it routes, f32 [T, D]. */
  readonly rows: Node
  /** Outputs of the selected experts, f32 [T * K, D]; of a dropped assignment it has no meaning. */
  readonly outputs: Node
  /** Their weighted sum, f32 [T, D]. */
  readonly routed: Node
  readonly selected: Node
  readonly weights: Node
  /** f32 [T]: the weight that goes to the shared experts; null where none does. */
  readonly spilled: Node | null
  readonly promises: RoutingRequirements
  /** Of its policy's blocks that happen now and then, in the order of the text. */
  readonly competitions: readonly CompetitionStep[]
  readonly balancedBias: RoutedLayer['balancedBias']
}

export const inner = (
  parent: Environment,
  given: Partial<Pick<Environment, 'values' | 'moe' | 'active' | 'reports' | 'expertOfRow' | 'denseOutputs'>>,
): Environment => ({
  ...parent,
  ...given,
  parent,
  nodes: new Map(),
  loops: new Map(),
  values: { ...parent.values, ...given.values },
})

export function known(environment: Environment, term: Term): Node | undefined {
  for (let at: Environment | null = environment; at !== null; at = at.parent) {
    const node = at.nodes.get(term)
    if (node !== undefined) return node
  }
  return undefined
}

export function knownLoop(environment: Environment, loop: Loop): ReadonlyMap<string, Node> | undefined {
  for (let at: Environment | null = environment; at !== null; at = at.parent) {
    const vars = at.loops.get(loop)
    if (vars !== undefined) return vars
  }
  return undefined
}

/** A model with the values of its parameters, and of what else sizes and paths are made of. */
export type Values = Pick<Environment, 'model' | 'values'>

/** The value of what is known at compile time. Throws where it is not: the checker should have said so. */
export function staticValue(environment: Values, value: Static): StaticValue {
  const found = tryStatic(environment, value)
  if (found === undefined) throw new Error('a value known at compile time is not known')
  return found
}

/** The value of what is known at compile time; undefined where it waits for a run. */
export function tryStatic({ model, values }: Values, value: Static): StaticValue | undefined {
  const lookup = (name: string): StaticValue | undefined => {
    const given = own(values, name)
    if (given !== undefined) return typeof given === 'object' ? undefined : given
    const behind = own(model.symbols, name)
    return behind === undefined ? undefined : evaluate(behind, lookup, folds)
  }
  return evaluate(value, lookup, folds)
}

/** A size with numbers in the place of parameters and indices; dims of the run stay. */
export function sizeIn(environment: Values, size: Dim): Dim {
  const names = symbolsOf(size)
  if (names.length === 0) return size
  const given = emptyTable<DimLike>()
  for (const name of names) {
    const value = own(environment.values, name) ?? behind(environment, name)
    if (typeof value === 'number') given[name] = value
    else if (typeof value === 'object') given[name] = value
  }
  return substitute(size, given)
}

const behind = (environment: Values, name: string): StaticValue | undefined =>
  Object.hasOwn(environment.model.symbols, name) ? tryStatic(environment, environment.model.symbols[name]) : undefined

const tables = new WeakMap<Values, Readonly<Record<string, DimLike>>>()

/** The sizes of symbols as `substitute` takes them. */
export function sizesIn(environment: Values): Readonly<Record<string, DimLike>> {
  const table = tables.get(environment) ?? sizeTable(environment)
  tables.set(environment, table)
  return table
}

function sizeTable(environment: Values): Readonly<Record<string, DimLike>> {
  const sizes = emptyTable<DimLike>()
  for (const [name, value] of Object.entries(environment.values))
    if (typeof value === 'number' && Number.isSafeInteger(value)) sizes[name] = value
  for (const [name, value] of Object.entries(environment.values)) if (typeof value === 'object') sizes[name] = value
  for (const name of Object.keys(environment.model.symbols)) {
    const value = behind(environment, name)
    if (typeof value === 'number') sizes[name] = value
  }
  return sizes
}

/** The number a size is. Throws where it is symbolic. */
export const numberIn = (environment: Values, size: Dim): number => evaluateDim(sizeIn(environment, size), {})

/** `layers.{i}` with the index of the turn. */
export const pathIn = ({ values }: Pick<Values, 'values'>, path: string): string => pathWith(path, values)

export const originIn = (environment: Environment, { span, instance }: Origin): Origin => ({
  span,
  instance: pathIn(environment, instance),
})
