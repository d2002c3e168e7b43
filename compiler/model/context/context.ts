/** What the checker knows while it works. */
import type { ConditionalExpression, Declaration, Expression, Statement } from '../../../grammar/ast.ts'
import { textOf, type Span } from '../../../grammar/source.ts'
import { DimRangeError, symbol, type Dim } from '../../../plan/dim.ts'
import type { Origin } from '../../graph/node.ts'
import { foldNumbers, isFoldable } from '../builtin/fold.ts'
import { BUILTINS, type BuiltinName } from '../builtin/table.ts'
import { canonical, type Quotient } from '../static/exact.ts'
import { factHelp } from '../static/facts.ts'
import type {
  ExpertBank,
  InputTerm,
  LoopRange,
  MoeTerm,
  Output,
  Selection,
  Step,
  Term,
  TrainingBlock,
  WeightFact,
  WeightTerm,
} from '../model.ts'
import type { Module } from '../modules/modules.ts'
import type { Problem, Reporter } from '../modules/report.ts'
import type { Scope } from './scope.ts'
import {
  evaluate,
  evaluateSize,
  momentSymbol,
  staticText,
  type Folds,
  type Lookup,
  type Static,
  type StaticValue,
} from '../static/static.ts'
import { UNKNOWN, type Value } from './value.ts'

/**
 * The functions that check a nested expression or body: passed in, so that the check of one form does not import those of all
 * others.
 */
export interface Walk {
  readonly expression: (frame: Frame, expression: Expression) => Value
  /** The value returned; null where none is. */
  readonly statements: (frame: Frame, list: readonly Statement[]) => Value | null
}

/** One pass over one declaration and all it calls. */
export interface Context {
  readonly walk: Walk
  readonly reporter: Reporter
  /** Whether a declaration is checked by itself, with no values known. */
  readonly isAlone: boolean
  /** Values of the model's parameters; empty where a declaration is checked by itself. */
  readonly values: ReadonlyMap<string, StaticValue>
  /** Ints that a dim cannot express, by the symbol that stands for each. */
  readonly symbols: Map<string, Static>
  readonly quotients: Quotient[]
  /** Dims that are bound at run time. */
  readonly runDims: Set<string>
  /** The longest sequence that earlier runs may have left something of; null where nothing is kept between runs. */
  readonly longest: number | null
  /** Dims of the run that count sequences, and their positions, where something looks back at earlier ones. */
  readonly sequences: { readonly count: Set<string>; readonly positions: Set<string> }
  readonly inputs: InputTerm[]
  readonly outputs: Output[]
  readonly weights: WeightFact[]
  readonly moes: MoeTerm[]
  /** Where each path of weights is used. */
  readonly paths: Map<string, readonly Claim[]>
  /** Paths of instances that could not be checked. */
  readonly broken: string[]
  /** Work done so far, over all passes. */
  readonly work: { calls: number }
  /** Checks a declaration by itself, once; whether it is free of mistakes. */
  readonly isRight: (declaration: Declaration, module: Module) => boolean
}

/** Where in the text the checker is. */
export interface Frame {
  readonly context: Context
  readonly module: Module
  readonly declaration: Declaration
  /** The declarations being expanded, outermost first. */
  readonly chain: readonly Declaration[]
  readonly scope: Scope
  readonly path: readonly string[]
  readonly loops: readonly LoopRange[]
  /** The number of experts in the bank, and of labels in its path; null outside of experts. */
  readonly bank: Bank | null
  /** The axes that `...` stands for. */
  readonly leading: readonly Dim[]
  readonly steps: Step[]
  readonly policy: PolicyState | null
  /** Whether this code runs only in training. */
  readonly isTraining: boolean
  readonly branches: readonly Branch[]
}

/** A use of a path, and the conditional branches around it. */
export interface Claim {
  readonly span: Span
  readonly branches: readonly Branch[]
}

/** One branch of a conditional whose condition is not known yet. */
export interface Branch {
  readonly of: ConditionalExpression
  readonly side: 'then' | 'else'
}

export interface Bank {
  readonly count: Dim
  readonly depth: number
}

/** How the constraints change every selection. */
export interface Shaping {
  readonly groups: { readonly count: Dim; readonly keep: Dim } | null
  readonly isByExperts: boolean
}

/** What a path through a policy has selected, weighed and kept so far. */
export interface PolicyState {
  select: Selection | null
  /** How many experts it selects; known even where the scores are not. */
  count: Dim | null
  weights: Term | null
  /** Which of the selected experts are kept; null for all. */
  keep: Term | null
  /** Every `when training` so far; the same list inside of its branches. */
  readonly blocks: BlockState[]
  /** The statements outside of every `when training`. */
  readonly own: Step[]
  steps: Step[]
  /** One of its statements has a mistake, so that what is missing is not reported. */
  isBroken: boolean
  /** The experts it chooses among, and the width of their outputs. */
  readonly experts: {
    readonly count: Dim
    readonly width: Dim
    /** Null where they are not known. */ readonly bank: ExpertBank | null
  }
  readonly tokens: Dim
  readonly shaping: Shaping
  bias: WeightTerm | null
  /** Inside of `when training`. */
  readonly isBranch: boolean
}

/** A `when training` that has been checked. */
export interface BlockState extends TrainingBlock {
  readonly span: Span
  /** How many experts its `else` selects, where that is known. */
  readonly count: Dim | null
  /** A statement of one of its branches has a mistake. */
  readonly isBroken: boolean
}

/** What an expression stands for. */
export const elaborate = (frame: Frame, expression: Expression): Value => frame.context.walk.expression(frame, expression)

export const originOf = (frame: Frame, span: Span): Origin => ({ span, instance: frame.path.join('/') })

/** Reports, and gives the value of a mistake. */
export function complain(frame: Frame, problem: Problem): Value {
  const help = problem.help ?? factHelp(problem.message, frame.context.runDims)
  frame.context.reporter.report({ ...problem, help })
  return UNKNOWN
}

/** Evaluates; a number that is too large to be exact is reported at this place. */
export function bounded<T>(frame: Frame, span: Span, otherwise: T, body: () => T): T {
  try {
    return body()
  } catch (problem) {
    if (!(problem instanceof DimRangeError)) throw problem
    frame.context.reporter.report(beyond(span))
    return otherwise
  }
}

const beyond = (span: Span): Problem => ({
  code: 'SMOE4006',
  message: `\`${wordsOf(span)}\` exceeds ${Number.MAX_SAFE_INTEGER}, the largest integer`,
  span,
})

/** The source text of an expression, on one line and shortened. */
export function wordsOf(span: Span): string {
  const text = textOf(span).replace(/\s+/g, ' ')
  return text.length <= 40 ? text : `${text.slice(0, 37)}...`
}

export const folds: Folds = (word) => {
  const builtin = Object.hasOwn(BUILTINS, word) ? BUILTINS[word as BuiltinName] : undefined
  return builtin !== undefined && isFoldable(builtin) ? (...values) => foldNumbers(builtin, values) : null
}

/** Values of parameters and of the ints that stand behind symbols. */
export function lookupIn(context: Pick<Context, 'values' | 'symbols'>): Lookup {
  const lookup: Lookup = (name) => {
    const known = context.values.get(name)
    if (known !== undefined) return known
    const behind = context.symbols.get(name)
    return behind === undefined ? undefined : evaluate(behind, lookup, folds)
  }
  return lookup
}

export const valueOf = (frame: Frame, value: Static): StaticValue | undefined => evaluate(value, lookupIn(frame.context), folds)

/** An int as a dim; a new symbol stands for an int that a dim cannot express. */
export function sizeOf(frame: Frame, value: Static): Dim {
  if (value.kind === 'int') return canonical(value.dim, frame.context.quotients)
  const name = `(${staticText(value)})`
  frame.context.symbols.set(name, value)
  return symbol(name)
}

const MOST_TURNS = 4096

type Law = (lookup: Lookup) => Problem | null

/** The points of training progress at which a rule is tried. */
const PROGRESSES = [0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1]

/** The first problem of a rule over these points, if it depends on the progress of training. */
function lawOverSteps(law: Law, lookup: Lookup): Problem | null {
  const symbol = momentSymbol('progress')
  let asked = false
  const problem = law((name) => {
    asked ||= name === symbol
    return lookup(name)
  })
  if (problem !== null || !asked) return problem
  for (const progress of PROGRESSES) {
    const there = law((name) => (name === symbol ? progress : lookup(name)))
    if (there !== null) return { ...there, message: `${there.message}, when progress is ${progress}` }
  }
  return null
}

/**
 * Whether a rule holds in every iteration of the enclosing loops; the first problem is reported. It may pass where values are
 * unknown.
 */
export function verify(frame: Frame, law: (lookup: Lookup) => Problem | null): boolean {
  const { context, loops } = frame
  let turns = 0
  const run = (depth: number, indices: ReadonlyMap<string, number>): Problem | null => {
    const lookup = lookupIn({ values: new Map([...context.values, ...indices]), symbols: context.symbols })
    if (depth === loops.length) {
      turns++
      return lawOverSteps(law, lookup)
    }
    const { index, from, to } = loops[depth]
    const [first, end] = [evaluateSize(from, lookup), evaluateSize(to, lookup)]
    if (first === undefined || end === undefined) return run(depth + 1, indices)
    for (let i = first; i < end && turns < MOST_TURNS; i++) {
      const problem = run(depth + 1, new Map([...indices, [index, i]]))
      if (problem !== null) return problem
    }
    return null
  }
  const problem = dependsOnLoops(frame, law) ? run(0, new Map()) : lawOverSteps(law, lookupIn(context))
  if (problem !== null) context.reporter.report(problem)
  return problem === null
}

/** Whether the rule depends on a loop index. */
function dependsOnLoops(frame: Frame, law: (lookup: Lookup) => Problem | null): boolean {
  if (frame.loops.length === 0) return false
  let asked = false
  const lookup = lookupIn(frame.context)
  law((name) => {
    const isIndex = frame.loops.some((loop) => loop.index === name)
    asked ||= isIndex || frame.context.symbols.has(name)
    return isIndex ? undefined : lookup(name)
  })
  return asked
}
