/** Checked model -> graph: repeats unrolled, parameters replaced by their values, calls in the place of their callees. */
import type { Diagnostic } from '../../grammar/diagnostic.ts'
import type { Graph, Node, Output, RoutePorts } from '../graph/node.ts'
import { outputName, type OutputRole } from '../../plan/output-role.ts'
import { competitionStepsOf, type RoutedLayer } from '../../plan/recipe.ts'
import { usersOf } from '../graph/walk.ts'
import type { InputTerm, Model } from '../model/model.ts'
import { AT_INFERENCE } from '../model/routing/forms.ts'
import { adaptersOf } from '../model/train/learns.ts'
import { createBuilder } from '../ops/build.ts'
import { withAdapters } from './adapters.ts'
import { changeOutputs, normOutput, routingOutput, similarityOutput } from './expert-figures.ts'
import { maskedDiagnostics } from './masked-experts.ts'
import { newRandomStreams } from './random.ts'
import { inner, type Environment, type MaskedExperts, type InputNode, type RouteNodes } from './environment.ts'
import { routeNames } from './replay.ts'
import { newState, stateFacts, stateInputs, stateOutputs, type StateOptions } from './state.ts'
import { lowerSteps, lowerTerm } from './terms.ts'

export interface LowerOptions {
  /**
   * Adds what every moe decided to the outputs: `layers.0/moe.selected`, i32 [T, K], and `layers.0/moe.weights`, f32 [T, K]; with
   * `overflow shared` also `layers.0/moe.spilled`, f32 [T]. `required`: only where a requirement is checked on what was decided.
   * `replayed`: they are inputs, and used in the place of what the policies choose.
   */
  readonly routes?: boolean | 'required' | 'replayed'
  /** With `routes`: also what every moe routes, `layers.0/moe.rows`, f32 [T, D]. */
  readonly rows?: boolean
  /** With `routes`: also the norm of each chosen expert's output, before its weight, `layers.0/moe.norms`, f32 [T, K]. */
  readonly norms?: boolean
  /**
   * With `routes`: also how far the experts turn the hidden state of each token, `layers.0/moe.change`, f32 [T]: 1 - the cosine
   * between it before them and after their sum is added. Layers that do not add it by linear ops have no such output.
   */
  readonly change?: boolean
  /**
   * With `routes`: also the mean cosine between the outputs of a token's experts, over their pairs, `layers.0/moe.similarity`,
   * f32 [T]; 0 for a token that has less than two.
   */
  readonly similarity?: boolean
  /**
   * A step of training: each loss is an output, `loss.layers.0.moe.router.balance`, f32 [], and each metric. Policies do what
   * they say `when training`; of the blocks that happen at a rate only those named, `layers.0/moe`, where there is a list. Where
   * the model has a `train` block, its inputs are inputs, and what the model gives is no output.
   */
  readonly training?: boolean | readonly string[]
  /**
   * What the `train` block reports of the model as it is at inference: its losses and metrics are the outputs, and no policy's.
   */
  readonly evaluation?: boolean
  /** What is kept of earlier tokens between runs; nothing unless it is given. */
  readonly state?: StateOptions
  /** Experts that no token may select, by the instance of their layer: `{ 'layers.0/moe': [3] }`. */
  readonly maskedExperts?: MaskedExperts
  /** Sizes of dims that are open otherwise: they are numbers in the graph. */
  readonly sizes?: Readonly<Record<string, number>>
}

const outputOf = (role: OutputRole, node: Node, doc: string): Output => ({ name: outputName(role), role, node, doc })

/** Everything lowered, in the order of the run. */
function walk(
  model: Model,
  { routes = false, training = false, evaluation = false, state, sizes = {}, maskedExperts = {} }: LowerOptions,
): Environment {
  const isTraining = training !== false
  const learns = isTraining || evaluation
  const environment: Environment = {
    walk: { term: lowerTerm, steps: lowerSteps },
    model,
    builder: createBuilder(),
    parent: null,
    values: { ...model.values, ...sizes },
    nodes: new Map(),
    loops: new Map(),
    moe: null,
    expertOfRow: null,
    routes: [],
    replayed: routes === 'replayed' ? [] : null,
    training: isTraining,
    evaluation,
    competitions: typeof training === 'boolean' ? null : training,
    active: AT_INFERENCE,
    reports: isTraining,
    losses: [],
    metrics: [],
    progress: new Map(),
    randomStreams: newRandomStreams(),
    state: state === undefined ? null : newState(state),
    maskedExperts,
    denseOutputs: new Map(),
  }
  for (const input of inputsOf(model, learns)) lowerTerm(environment, input)
  lowerSteps(environment, model.steps)
  if (model.train !== null && learns) lowerSteps(inner(environment, { reports: true }), model.train.steps)
  return environment
}

/** The sizes of open dims that are given: the number of sequences of a state is one for all runs. */
const sizesOf = (model: Model, { sizes, state }: LowerOptions): Readonly<Record<string, number>> => ({
  ...sizes,
  ...(state === undefined ? {} : Object.fromEntries(model.sequences.count.map((name) => [name, state.sequences]))),
})

/** Every moe of the model at inference, in the order of the run. */
function routesOf(model: Model, { sizes, state }: LowerOptions): readonly RouteNodes[] {
  const environment = walk(model, { state, sizes: sizesOf(model, { sizes, state }) })
  model.outputs.forEach(({ term }) => lowerTerm(environment, term))
  return environment.routes
}

/** The instances of every moe at inference, `layers.0/moe`, in the order of the run. */
export const routedLayersOf = (model: Model): readonly string[] => routesOf(model, {}).map(({ instance }) => instance)

/** What is wrong with the masked experts, as diagnostics; nothing where none are. */
export const maskedExpertProblems = (model: Model, options: LowerOptions): readonly Diagnostic[] =>
  options.maskedExperts === undefined
    ? []
    : maskedDiagnostics(routesOf(model, options), options.maskedExperts, model.origin.span!)

const inputsOf = ({ inputs, train }: Model, learns: boolean): readonly InputTerm[] =>
  learns && train !== null ? [...inputs, ...train.inputs] : inputs

/**
 * Lowers a checked model to the graph of inference, of the forward pass of a training step, or of an evaluation step. It does not
 * throw on a model that the checker has accepted.
 */
export function lower(model: Model, options: LowerOptions = {}): Graph {
  const { training = false, evaluation = false } = options
  const sizes = sizesOf(model, options)
  const environment = walk(model, { ...options, sizes })
  const { progress, randomStreams, replayed, losses, metrics } = environment
  const learns = training !== false || evaluation
  const given = inputsOf(model, learns)
  const told =
    learns && model.train !== null
      ? []
      : model.outputs.map(({ name, term, doc }) => ({ name, doc, node: lowerTerm(environment, term) }))
  const inputs = [
    ...given.map((input) => lowerTerm(environment, input) as InputNode),
    ...progress.values(),
    ...(randomStreams.input === null ? [] : [randomStreams.input]),
    ...stateInputs(environment.state),
  ]
  const docs = Object.fromEntries(
    [...given, ...(told.length === 0 ? [] : model.outputs)].flatMap(({ name, doc }) => (doc === '' ? [] : [[name, doc]])),
  )
  const open = [...model.dims, ...(learns ? (model.train?.dims ?? []) : []).map((name) => ({ name, doc: '' }))]
  const dims = open.filter(({ name }) => !Object.hasOwn(sizes, name))
  const reported = [...losses, ...metrics].map(({ role, node, doc: text }) => outputOf(role, node, text))
  const kept = environment.state === null ? null : stateFacts(environment.state)
  const outputs = [...told, ...reported, ...stateOutputs(environment.state)]
  const plain: Graph = {
    name: model.name,
    doc: model.doc,
    dims,
    inputs,
    outputs,
    docs,
    ...(kept === null ? {} : { state: kept }),
  }
  return replayed === null
    ? withPairs(withRoutes(plain, environment, options), model, learns)
    : { ...plain, inputs: [...inputs, ...replayed], replayed: environment.routes.map(routePorts) }
}

/** Low-rank pairs are there where there is training: elsewhere they are part of the weights. */
const withPairs = (graph: Graph, model: Model, learns: boolean): Graph =>
  learns && model.train?.learns?.some(({ lora }) => lora !== null) === true ? withAdapters(graph, adaptersOf(model)) : graph

function withRoutes(
  plain: Graph,
  environment: Environment,
  { routes = false, rows = false, norms = false, change = false, similarity = false }: LowerOptions,
): Graph {
  const told = environment.routes.filter(({ promises }) => routes === true || (routes === 'required' && promises.within !== null))
  if (told.length === 0 && routes !== true) return plain
  const users = change ? usersOf(plain) : new Map<Node, readonly Node[]>()
  const added = told.flatMap((route) => [
    ...routeOutputs(route),
    ...(rows ? [rowOutput(route)] : []),
    ...(norms ? [normOutput(route, environment)] : []),
    ...(change ? changeOutputs(route, users, environment) : []),
    ...(similarity ? [similarityOutput(route, environment)] : []),
  ])
  return { ...plain, outputs: [...plain.outputs, ...added], routes: told.map(routePorts) }
}

/** Every moe in the order of the run, with how its policy trains. */
export const layersOf = (model: Model): readonly RoutedLayer[] =>
  walk(model, { training: true }).routes.map(({ instance, experts, competitions, balancedBias, promises: { within } }) => {
    const { selected, weights } = routeNames(instance, false)
    const [competition = null, ...further] = competitions
    return {
      layer: instance,
      experts,
      competition,
      ...(further.length === 0 ? {} : { further }),
      selected,
      weights,
      balancedBias,
      ...(within === null ? {} : { within }),
    }
  })

/**
 * The graphs of a step of training: with every competition, with none, and where policies have several, with each other choice of
 * their places in all layers. What a step with any other choice computes is in one of these.
 */
export function trainingVariants(model: Model, options: Omit<LowerOptions, 'training'> = {}): readonly Graph[] {
  const competitions = layersOf(model).flatMap(competitionStepsOf)
  const places = Math.max(0, ...competitions.map(({ at }) => at + 1))
  const some = Array.from({ length: Math.max(0, 2 ** places - 2) }, (_, set) =>
    competitions.filter(({ at }) => ((set + 1) >> at) % 2 === 1).map(({ name }) => name),
  )
  return [true, [], ...some].map((training) => lower(model, { ...options, training }))
}

/** The instances of all policies. */
export const routersOf = (model: Model): readonly string[] => walk(model, { training: true }).routes.map(({ router }) => router)

const rowOutput = (route: RouteNodes): Output => routingOutput(route, 'rows', route.rows, 'What is routed, a token in each row.')

const routePorts = ({ instance, experts, spilled, promises }: RouteNodes): RoutePorts => ({
  layer: instance,
  experts,
  ...routeNames(instance, spilled !== null),
  promises,
})

function routeOutputs(route: RouteNodes): readonly Output[] {
  const { selected, weights, spilled } = route
  return [
    routingOutput(route, 'selected', selected, 'The experts that each token chose, best first.'),
    routingOutput(route, 'weights', weights, "The weight of each chosen expert's output."),
    ...(spilled === null ? [] : [routingOutput(route, 'spilled', spilled, 'The weight that went to the shared experts.')]),
  ]
}
