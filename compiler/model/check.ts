/**
 * The semantic checker: syntax tree to checked model, with every mistake in the files it imports. Never throws for user input.
 */
import type { Declaration, File } from '../../grammar/ast.ts'
import type { Diagnostic } from '../../grammar/diagnostic.ts'
import type { Span } from '../../grammar/source.ts'
import { closest } from '../../grammar/suggest.ts'
import { bounded, complain, elaborate, folds, lookupIn, originOf, type Context, type Frame } from './context/context.ts'
import { expression } from './expression.ts'
import type { Model, ParameterFact } from './model.ts'
import type { Load } from './modules/load.ts'
import { loadModules, type Module } from './modules/modules.ts'
import { accepts, checkRange, factOf, scalarType } from './expressions/parameters.ts'
import { tellable } from './statements/ports.ts'
import { createReporter, type Reporter } from './modules/report.ts'
import { bindSymbols, checkAlone, rootFrame } from './standalone.ts'
import { evaluate, literal, type Static, type StaticType, type StaticValue } from './static/static.ts'
import { GIVES } from './statements/allowed.ts'
import { statements } from './statements/statements.ts'
import { trainOf } from './train/train.ts'
import { readWeights } from './weights/weights.ts'

export interface CheckOptions {
  /** The file an import names, as written there: `./mine`, `std/policies/top_k`; null where there is none. */
  readonly load: Load
  /** The requested model; by default the first of the file. */
  readonly model?: string
  /** Values of the model's parameters in place of their defaults. */
  readonly set?: Readonly<Record<string, StaticValue>>
  /**
   * How many positions of a sequence are kept between runs at most: `cached(x)` is as long as that. Nothing is kept unless it is
   * given.
   */
  readonly longest?: number
  /** How many diagnostics to give at most; the last counts those left out. */
  readonly most?: number
}

export interface Checked {
  /** Null where there is none, or where something is wrong. */
  readonly model: Model | null
  readonly diagnostics: readonly Diagnostic[]
}

type Verdict = 'running' | 'right' | 'wrong'

export function check(file: File, options: CheckOptions): Checked {
  try {
    return checkAll(file, options)
  } catch (problem) {
    // deep expressions in deep calls: only the stack itself knows how deep is too deep
    if (!(problem instanceof RangeError) || !/call stack/.test(problem.message)) throw problem
    const span: Span = { source: file.source, start: 0, end: 0 }
    return {
      model: null,
      diagnostics: [
        {
          code: 'SMOE3014',
          severity: 'error',
          message: 'calls and expressions are nested too deeply',
          span,
          related: [],
          help: null,
          fix: null,
        },
      ],
    }
  }
}

function checkAll(file: File, { load, model: wanted, set = {}, longest, most }: CheckOptions): Checked {
  const reporter = createReporter(most)
  const work = { calls: 0 }
  const modules = loadModules(file, load, reporter)
  const isRight = judge(reporter, work, ({ file: { source } }) => source !== file.source && load.isChecked?.(source) === true)
  for (const module of modules.all) for (const declaration of module.file.declarations) isRight(declaration, module)
  const declaration = modelOf(file, wanted, reporter)
  const model = declaration === null ? null : modelFrom(declaration, modules.root, set, longest ?? null, reporter, work, isRight)
  const diagnostics = inOrder([...modules.diagnostics, ...reporter.diagnostics], file)
  return { model: diagnostics.some(({ severity }) => severity === 'error') ? null : model, diagnostics }
}

/** Checks each declaration by itself, once, but for those of modules known to be right. */
function judge(reporter: Reporter, work: Context['work'], isChecked: (module: Module) => boolean): Context['isRight'] {
  const verdicts = new Map<Declaration, Verdict>()
  const isRight: Context['isRight'] = (declaration, module) => {
    if (isChecked(module)) return true
    const known = verdicts.get(declaration)
    if (known !== undefined) return known !== 'wrong'
    verdicts.set(declaration, 'running')
    const before = reporter.count
    reporter.apart(() => checkAlone(createContext(reporter, work, isRight, new Map(), true, null), module, declaration))
    const verdict = reporter.count > before ? 'wrong' : 'right'
    verdicts.set(declaration, verdict)
    return verdict === 'right'
  }
  return isRight
}

const createContext = (
  reporter: Reporter,
  work: Context['work'],
  isRight: Context['isRight'],
  values: ReadonlyMap<string, StaticValue>,
  isAlone: boolean,
  longest: number | null,
): Context => ({
  walk: { expression, statements },
  reporter,
  isRight,
  values,
  isAlone,
  work,
  symbols: new Map(),
  quotients: [],
  runDims: new Set(),
  longest,
  sequences: { count: new Set(), positions: new Set() },
  inputs: [],
  outputs: [],
  weights: [],
  moes: [],
  paths: new Map(),
  broken: [],
})

function modelOf(file: File, wanted: string | undefined, reporter: Reporter): Declaration | null {
  const models = file.declarations.filter(({ declares }) => declares === 'model')
  if (wanted === undefined) return models[0] ?? null
  const found = models.find(({ name }) => name.text === wanted)
  if (found === undefined) {
    const meant = closest(
      wanted,
      models.map(({ name }) => name.text),
    )
    const span: Span = { source: file.source, start: 0, end: 0 }
    reporter.report({
      code: 'SMOE2014',
      message: `the file does not declare a model ${wanted}`,
      span,
      help: meant === null ? null : `did you mean ${meant}?`,
    })
  }
  return found ?? null
}

function modelFrom(
  declaration: Declaration,
  module: Module,
  set: Readonly<Record<string, StaticValue>>,
  longest: number | null,
  reporter: Reporter,
  work: Context['work'],
  isRight: Context['isRight'],
): Model | null {
  const values = new Map<string, StaticValue>()
  const context = createContext(reporter, work, isRight, values, false, longest)
  const frame = rootFrame(context, module, declaration)
  const before = reporter.count
  refuseUnknown(frame, set)
  const facts = bindValues(frame, set, values)
  bindSymbols(frame)
  statements(frame, declaration.body)
  tellable(frame)
  if (!declaration.isPartial && !declaration.body.some(({ kind }) => kind === 'output' || kind === 'return')) {
    complain(frame, {
      code: 'SMOE2013',
      message: `${declaration.name.text} has no output`,
      span: declaration.name.span,
      help: GIVES,
    })
  }
  const entries = declaration.body.flatMap((statement) => (statement.kind === 'weights' ? statement.entries : []))
  const train = trainOf(frame, declaration)
  const weights = readWeights(frame, entries)
  if (reporter.count > before) return null
  return {
    name: declaration.name.text,
    doc: declaration.doc.join('\n'),
    origin: originOf(frame, declaration.name.span),
    parameters: facts,
    dims: [...context.runDims].map((name) => ({ name, doc: '' })),
    sequences: { count: [...context.sequences.count], positions: [...context.sequences.positions] },
    inputs: context.inputs,
    steps: frame.steps,
    outputs: context.outputs,
    weights,
    moes: context.moes,
    values: Object.fromEntries(values),
    symbols: Object.fromEntries(context.symbols),
    train,
  }
}

function refuseUnknown(frame: Frame, set: Readonly<Record<string, StaticValue>>): void {
  const { name, parameters } = frame.declaration
  for (const key of Object.keys(set)) {
    if (parameters.some((one) => one.name.text === key)) continue
    const meant = closest(
      key,
      parameters.map((one) => one.name.text),
    )
    complain(frame, {
      code: 'SMOE2014',
      message: `${name.text} has no parameter ${key} to set`,
      span: name.span,
      help: meant === null ? null : `did you mean ${meant}?`,
    })
  }
}

/** The value of each parameter, in order; what has none, or one that is not allowed, is reported and stays unknown. */
function bindValues(
  frame: Frame,
  set: Readonly<Record<string, StaticValue>>,
  values: Map<string, StaticValue>,
): readonly ParameterFact[] {
  const facts: ParameterFact[] = []
  for (const parameter of frame.declaration.parameters) {
    const { name, span } = parameter
    const type = scalarType(frame, parameter, true)
    if (parameter.type.kind === 'tensor-type') {
      complain(frame, { code: 'SMOE3003', message: `a model takes its tensors as inputs: \`input ${name.text}: ...\``, span })
      continue
    }
    if (type === null) continue
    const given = valueGiven(frame, parameter, type, set)
    if (given === null) continue
    const at = parameter.default !== null && !Object.hasOwn(set, name.text) ? parameter.default.span : name.span
    const value = bounded(frame, at, undefined, () =>
      checkRange(frame, frame, parameter, given, at) ? evaluate(given, lookupIn(frame.context), folds) : undefined,
    )
    if (value === undefined) continue
    values.set(name.text, value)
    frame.scope.bindings.set(name.text, { value: { kind: 'static', static: literal(value, type) }, span, mutable: false })
    facts.push({ ...factOf(frame, parameter, type, given), value })
  }
  frame.scope.bindings.clear()
  return facts
}

const kindOf = (value: StaticValue): StaticType => {
  // an integer beyond 2^53 is not a size
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'int' : 'real'
  return typeof value === 'boolean' ? 'bool' : 'string'
}

function valueGiven(
  frame: Frame,
  parameter: Declaration['parameters'][number],
  type: StaticType,
  set: Readonly<Record<string, StaticValue>>,
): Static | null {
  const { name } = parameter
  if (Object.hasOwn(set, name.text)) {
    const value = set[name.text]
    if (accepts(type, kindOf(value))) return literal(value, type)
    complain(frame, {
      code: 'SMOE3003',
      message: `${name.text} is ${type}, but it is set to ${JSON.stringify(value)}`,
      span: name.span,
    })
    return null
  }
  if (parameter.default === null) {
    complain(frame, { code: 'SMOE3004', message: `${name.text} has no value; give it a default or set it`, span: name.span })
    return null
  }
  const value = elaborate(frame, parameter.default)
  return value.kind === 'static' && accepts(type, value.static.type) ? value.static : null
}

/** The files in the order of their first diagnostic, the root first; inside a file by place. */
function inOrder(diagnostics: readonly Diagnostic[], file: File): readonly Diagnostic[] {
  const paths = [...new Set([file.source.path, ...diagnostics.map(({ span }) => span.source.path)])]
  return [...diagnostics].sort(
    (a, b) => paths.indexOf(a.span.source.path) - paths.indexOf(b.span.source.path) || a.span.start - b.span.start,
  )
}
