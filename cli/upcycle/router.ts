/** What routers begin as, and how much the experts of a token weigh together. */
import { lower } from '../../compiler/lower/lower.ts'
import type { Model } from '../../compiler/model/model.ts'
import { hostTensor, type HostTensor } from '../../compiler/reference/tensor.ts'
import { elementCount } from '../../runtime/tensors.ts'
import { checkSource } from '../checking.ts'
import { refuseErrors } from '../diagnostics.ts'
import { EXIT, Failure } from '../exit.ts'
import { createRandom, normal } from '../random.ts'
import { evaluateReference, weightPorts } from '../run/reference.ts'
import type { Terminal } from '../terminal.ts'
import type { Sparse } from './rewrite.ts'

/** The standard deviation that published models of the table begin with. */
const DEVIATION = 0.02

const ROUTER = /\.router\.[^.]+$/
export const isOfRouter = (name: string): boolean => ROUTER.test(name)

/** The initialiser that a policy declares for a weight; null where it declares none. */
function declaredFor(name: string, { weights }: Model): string | null {
  const fact = weights.find(({ term: { path } }) => new RegExp(`^${path.replaceAll(/\{\w+\}/g, '\\d+')}$`).test(name))
  return fact?.term.initialiser?.kind ?? null
}

/** A seed of its own for each weight. */
const seedOf = (name: string, seed: number): number =>
  [...name].reduce((hash, letter) => (Math.imul(hash, 31) + letter.codePointAt(0)!) >>> 0, seed >>> 0)

export interface RouterStart {
  readonly model: Model
  readonly seed: number
  readonly experts: number
  /** Neighbouring experts with equal rows: the parts of one network, which are selected together. */
  readonly granularity: number
}

/**
 * What a weight of a policy begins as: as the policy declares it, else matrices random and vectors 0. Throws a Failure for an
 * initialiser that is not a constant.
 */
export function routerStart(
  name: string,
  shape: readonly number[],
  { model, seed, experts, granularity }: RouterStart,
): Float32Array {
  const declared = declaredFor(name, model)
  const count = elementCount(shape)
  if (declared === 'ones') return new Float32Array(count).fill(1)
  if (declared === 'zeros' || (declared === null && shape.length < 2)) return new Float32Array(count)
  if (declared !== null) throw new Failure(EXIT.usage, `'${name}' begins as ${declared}: only zeros and ones are known here`)
  const random = createRandom(seedOf(name, seed))
  const rows = shape[0] === experts ? experts / granularity : shape[0]
  const width = count / shape[0]
  const drawn = Float32Array.from({ length: rows * width }, () => normal(random, DEVIATION))
  const group = shape[0] / rows
  return Float32Array.from({ length: count }, (_, at) => drawn[Math.floor(at / width / group) * width + (at % width)])
}

/** Sizes of the layer that is tried: tokens far enough from each other that their weights differ. */
const [TOKENS, WIDTH, HIDDEN, SPREAD] = [96, 16, 4, 10] as const

const layerText = ({ experts, topK, policy, settings }: Sparse): string => `import { swiglu } from "std/experts/swiglu"
import { ${policy} } from "std/policies/${policy}"

model layer(E: int in 1.. = ${experts}, k: int in 1..E = ${topK}, D: int = ${WIDTH}) {
  input x: f32[T, D]
  output y: f32[T, D] = moe(x) {
    experts E of swiglu(F = ${HIDDEN})
    route ${policy}(k = k${settings === '' ? '' : `, ${settings}`})
    require dropless
  }
}
`

/** Experts that are copies of one network, part by part. */
function expertWeights(name: string, shape: readonly number[], granularity: number, seed: number): Float32Array {
  const random = createRandom(seedOf(name, seed))
  const size = elementCount(shape) / shape[0]
  const parts = Float32Array.from({ length: granularity * size }, () => normal(random, 1))
  return Float32Array.from({ length: elementCount(shape) }, (_, at) => parts[at % (granularity * size)])
}

/** How far from one another sums of weights may be, as a share. */
const SAME = 1e-6

/** The weights of the experts with one part of the network, added up by token: [T, granularity]. */
function sumsByPart(selected: HostTensor, weights: HostTensor, granularity: number): Float64Array {
  const sums = new Float64Array(selected.shape[0] * granularity)
  const topK = selected.shape[1]
  selected.values.forEach((expert, at) => {
    if (expert >= 0) sums[Math.floor(at / topK) * granularity + (expert % granularity)] += weights.values[at]
  })
  return sums
}

/**
 * What the output of equal experts is of the output of their network, for every token: the sum of the weights, of each part.
 * Evaluates one small layer with the policy. Throws a Failure where it is not one number for all tokens, or the policy does not
 * take the arguments.
 */
export function weightOfParts(sparse: Sparse, seed: number, terminal: Terminal): number {
  const { granularity, experts, policy } = sparse
  const source = { path: 'layer.smoe', text: layerText(sparse) }
  const { model, diagnostics } = checkSource(source, { set: [] }, terminal)
  refuseErrors(diagnostics, terminal)
  const graph = lower(model!, { routes: true })
  const start: RouterStart = { model: model!, seed, experts, granularity }
  const weights = Object.fromEntries(
    weightPorts(graph).map(({ name, shape: sizes }) => {
      const shape = sizes.map(Number)
      const values = isOfRouter(name) ? routerStart(name, shape, start) : expertWeights(name, shape, granularity, seed)
      return [name, hostTensor(shape, 'f32', Float64Array.from(values))]
    }),
  )
  const random = createRandom(seed)
  const x = { shape: [TOKENS, WIDTH], data: Float32Array.from({ length: TOKENS * WIDTH }, () => normal(random, SPREAD)) }
  const [{ selected, weights: shares }] = graph.routes!
  const outputs = evaluateReference(graph, { x }, weights)
  const sums = sumsByPart(outputs[selected], outputs[shares], granularity)
  const [low, high] = [Math.min(...sums), Math.max(...sums)]
  if (low > 0 && high - low <= SAME * high) return (low + high) / 2
  const what = granularity === 1 ? 'the weights of a token' : 'the weights of a part of the network'
  throw new Failure(
    EXIT.usage,
    `by ${policy}, ${what} sum to ${low.toPrecision(3)} .. ${high.toPrecision(3)}: equal experts would not give the logits of the dense model`,
    "a policy whose weights sum to one does, such as top_k, or 'spectral(renormalise = true)'",
  )
}
