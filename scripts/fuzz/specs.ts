/**
 * Mutated specs through the compiler: parsing, checking, printing and lowering never throw, and what the checker accepts compiles
 * for each target or ends in a diagnostic. A mutant is a function of the seed and its index.
 */
import { createRandom } from '../../cli/random.ts'
import { compileGraph } from '../../compiler/compile.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import { nodesOf } from '../../compiler/graph/walk.ts'
import { print as printGraph } from '../../compiler/graph/print.ts'
import { lower } from '../../compiler/lower/lower.ts'
import { check } from '../../compiler/model/check.ts'
import type { Model } from '../../compiler/model/model.ts'
import { trainingGraphs } from '../../compiler/train.ts'
import { GradientError } from '../../compiler/autodiff/differentiate.ts'
import { frame } from '../../grammar/frame.ts'
import { parse } from '../../grammar/parse.ts'
import { print } from '../../grammar/print.ts'
import type { Source } from '../../grammar/source.ts'
import { corpus, load, withFile, type Load, type Spec } from './corpus.ts'
import { mutate, tokensOf } from './mutate.ts'
import { TARGETS } from './targets.ts'

export interface Mutant {
  readonly index: number
  readonly main: Source
  readonly changed: Source
  readonly load: Load
}

export type Stage = 'check' | 'print' | 'lower' | 'compile' | 'train'

export interface Failure {
  readonly index: number
  readonly stage: Stage
  readonly kind: 'threw' | 'slow' | 'silent'
  readonly message: string
  readonly changed: Source
}

export interface Examined {
  readonly mutant: Mutant
  /** The graph of a mutant that the checker accepts. */
  readonly graph: Graph | null
  /** Whether every target has a plan of it; null where its graph was seen before. */
  readonly compiled: boolean | null
  readonly failures: readonly Failure[]
  /** Processor time of its slowest stage, in ms. */
  readonly slowest: number
}

/**
 * Processor time that one stage of one mutant may take, in ms; what works on a large graph may take more, in proportion to it.
 */
export const SLOW_MS = 1000
const MS_PER_NODE = 2

export interface Fuzzer {
  readonly mutant: (index: number) => Mutant
  readonly examine: (mutant: Mutant) => Examined
}

/** The golden ratio in 32 bits spreads consecutive indices over all seeds. */
const seedOf = (seed: number, index: number): number => (seed ^ Math.imul(index + 1, 0x9e3779b1)) >>> 0

/** Specs without errors, by corpus: checking all takes seconds. */
const valid = new WeakMap<readonly Spec[], readonly Spec[]>()

function validOf(specs: readonly Spec[]): readonly Spec[] {
  const found = valid.get(specs) ?? specs.filter(({ main }) => modelOf(main, load) !== null)
  valid.set(specs, found)
  return found
}

export function createFuzzer(seed: number, specs: readonly Spec[] = corpus()): Fuzzer {
  const others = [...new Set(specs.flatMap(({ main }) => tokensOf(main.text)))].filter(
    (token) => token.trim() !== '' && !token.startsWith('//'),
  )
  const valid = validOf(specs)
  const seen = new Set<string>()

  const mutant = (index: number): Mutant => {
    const random = createRandom(seedOf(seed, index))
    // one in ten is a library or a spec that is wrong already: their mutants are rarely accepted
    const from = random() < 0.9 ? valid : specs
    const { main, files } = from[Math.floor(random() * from.length)]
    // half of the edits are in the spec itself, the others in what it imports
    const file = random() < 0.5 ? main : files[Math.floor(random() * files.length)]
    const changed = { path: file.path, text: mutate(file.text, random, others) }
    return file === main ? { index, main: changed, changed, load } : { index, main, changed, load: withFile(changed) }
  }

  return { mutant, examine: (mutant) => examine(mutant, seen) }
}

function describe(problem: unknown): string {
  if (!(problem instanceof Error)) return String(problem)
  const at =
    problem.stack
      ?.split('\n')
      .slice(1, 4)
      .map((line) => line.trim())
      .join(' < ') ?? ''
  return `${problem.name}: ${problem.message.slice(0, 200)} (${at})`
}

const limitFor = (graph: Graph): number => SLOW_MS + MS_PER_NODE * nodesOf(graph).length

/** Runs one stage and keeps what it throws, and that it was slow. */
function createWatch({ index, changed }: Mutant) {
  const failures: Failure[] = []
  let slowest = 0
  const fail = (stage: Stage, kind: Failure['kind'], message: string): void =>
    void failures.push({ index, stage, kind, message, changed })
  const watch = <T>(stage: Stage, work: () => T, limitOf: (result: T) => number = () => SLOW_MS): T | null => {
    const before = process.cpuUsage()
    let limit = SLOW_MS
    try {
      const result = work()
      limit = limitOf(result)
      return result
    } catch (problem) {
      fail(stage, 'threw', describe(problem))
      return null
    } finally {
      const { user, system } = process.cpuUsage(before)
      const ms = (user + system) / 1000
      slowest = Math.max(slowest, ms)
      if (ms > limit) fail(stage, 'slow', `${ms.toFixed(0)} ms of processor time`)
    }
  }
  return { watch, fail, result: () => ({ failures, slowest }) }
}

function examine(mutant: Mutant, seen: Set<string>): Examined {
  const { watch, fail, result } = createWatch(mutant)
  const model = watch('check', () => accepted(mutant, fail))
  watch('print', () => print(parse(mutant.changed).file))
  const graph = model === null ? null : watch('lower', () => lower(model), limitFor)
  if (model === null || graph === null) return { mutant, graph: null, compiled: null, ...result() }
  const text = printGraph(graph)
  if (seen.has(text)) return { mutant, graph, compiled: null, ...result() }
  seen.add(text)
  const limit = limitFor(graph)
  const plans = TARGETS.map((target) =>
    watch(
      'compile',
      () => compileGraph(graph, target).plan,
      () => limit,
    ),
  )
  if (model.train !== null)
    watch(
      'train',
      () => buildTraining(model),
      () => 2 * limit,
    )
  return { mutant, graph, compiled: plans.every((plan) => plan !== null), ...result() }
}

/** The model of a spec without errors; null for any other. */
export function modelOf(main: Source, load: Load): Model | null {
  const parsed = parse(main)
  const { model, diagnostics } = check(parsed.file, { load })
  return [...parsed.diagnostics, ...diagnostics].some(({ severity }) => severity === 'error') ? null : model
}

/** As `modelOf`, with every diagnostic drawn. */
function accepted({ main, load }: Mutant, fail: (stage: Stage, kind: Failure['kind'], message: string) => void): Model | null {
  const parsed = parse(main)
  const { model, diagnostics } = check(parsed.file, { load })
  const all = [...parsed.diagnostics, ...diagnostics]
  for (const diagnostic of all) frame(diagnostic)
  const declares = parsed.file.declarations.some(({ declares }) => declares === 'model')
  if (model === null && all.length === 0 && declares) fail('check', 'silent', 'a model is refused without a diagnostic')
  return all.some(({ severity }) => severity === 'error') ? null : model
}

function buildTraining(model: Model): void {
  const graphs = trainingGraphs(model)
  if (graphs === null) return
  try {
    for (const chosen of [[], graphs.recipe.layers.map(({ layer }) => layer)]) graphs.step(chosen, true)
    graphs.update()
    graphs.evaluation()
  } catch (problem) {
    if (!(problem instanceof GradientError) || problem.origin.span === null) throw problem
  }
}
