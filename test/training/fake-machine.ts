/** A machine in memory: a table of bigrams learns by momentum, and layers route tokens by it. */
import { uniformAt } from '../../plan/philox.ts'
import type { Recipe } from '../../plan/recipe.ts'
import type { RoutedLayer } from '../../runtime/routing/record.ts'
import type { HostData } from '../../runtime/tensors.ts'
import type { BatchMetrics, BatchInputs, Machine, State } from '../../training/machine.ts'
import { recipeOf } from './recipes.ts'

const KINDS = 12
const K = 2

/** What the machine learns: a row of scores a token, and a bias that nothing learns. */
export const bigrams = (more: Partial<Recipe> = {}): Recipe =>
  recipeOf({
    weights: [
      { name: 'table', shape: [KINDS, KINDS], initialiser: { kind: 'normal', deviation: 0.1 }, fanIn: KINDS, rate: 1, decay: 0 },
      { name: 'bias', shape: [4], initialiser: { kind: 'zeros' }, fanIn: 4, rate: 0, decay: 0 },
    ],
    ...more,
  })

interface Held {
  table: Float32Array
  momentum: Float32Array
  bias: Float32Array
}

function softmax(scores: Float32Array): Float64Array {
  const most = scores.reduce((a, b) => Math.max(a, b))
  const powers = Float64Array.from(scores, (score) => Math.exp(score - most))
  const sum = powers.reduce((a, b) => a + b)
  return powers.map((power) => power / sum)
}

/** Each layer looks at another four of a token's scores; the best two answer. */
function route({ table, bias }: Held, name: string, at: number, tokens: Int32Array): RoutedLayer {
  const selected = new Int32Array(K * tokens.length)
  const weights = new Float32Array(K * tokens.length)
  for (const [place, token] of tokens.entries()) {
    const scores = Array.from({ length: 4 }, (_, expert) => table[token * KINDS + 4 * at + expert] + bias[expert])
    const best = [0, 1, 2, 3].sort((a, b) => scores[b] - scores[a] || a - b)
    for (let slot = 0; slot < K; slot++) {
      selected[place * K + slot] = best[slot]
      weights[place * K + slot] = 1 / (1 + Math.exp(scores[best[1 - slot]] - scores[best[slot]]))
    }
  }
  return { name, experts: 4, tokens: tokens.length, k: K, selected, weights }
}

/** Adds the gradient of the mean cross-entropy, where one is given. */
function bigramLoss(
  { table }: Held,
  { tokens, targets }: BatchInputs,
  gradient: Float64Array | null,
): { readonly loss: number; readonly right: number } {
  let [loss, right] = [0, 0]
  const count = tokens.data.length
  for (let place = 0; place < count; place++) {
    const [token, target] = [tokens.data[place], targets.data[place]]
    const parts = softmax(table.subarray(token * KINDS, (token + 1) * KINDS))
    loss -= Math.log(parts[target]) / count
    if (parts.indexOf(parts.reduce((a, b) => Math.max(a, b))) === target) right++
    if (gradient !== null)
      for (let kind = 0; kind < KINDS; kind++) gradient[token * KINDS + kind] += (parts[kind] - (kind === target ? 1 : 0)) / count
  }
  return { loss, right: right / count }
}

export interface FakeMachine extends Machine {
  /** What was asked of it, in order. */
  readonly calls: readonly string[]
  readonly held: Held
}

export function fakeMachine(
  recipe: Recipe,
  answer: (answers: BatchMetrics, call: string) => BatchMetrics = (answers) => answers,
): FakeMachine {
  const held: Held = { table: new Float32Array(KINDS ** 2), momentum: new Float32Array(KINDS ** 2), bias: new Float32Array(4) }
  const gradient = new Float64Array(KINDS ** 2)
  const calls: string[] = []
  const shapes: Readonly<Record<keyof Held, readonly number[]>> = { table: [KINDS, KINDS], momentum: [KINDS, KINDS], bias: [4] }
  const places: Readonly<Record<string, keyof Held>> = { table: 'table', 'first.table': 'momentum', bias: 'bias' }
  const answersTo = (
    inputs: BatchInputs,
    gradient: Float64Array | null,
    chosen: readonly string[],
    call: string,
  ): BatchMetrics => {
    const { loss, right } = bigramLoss(held, inputs, gradient)
    const layers = recipe.layers.map(({ layer }, at) => route(held, layer, at, inputs.tokens.data as Int32Array))
    const extra: Readonly<Record<string, number>> =
      chosen.length > 0 ? { 'loss.distil': 0.01 * chosen.length } : { 'loss.balance': 0.02 }
    return answer(
      { losses: { 'loss.cross_entropy': loss, ...extra }, metrics: { 'metric.accuracy': right }, routes: { layers } },
      call,
    )
  }
  const random = ({ random }: BatchInputs): number =>
    random === undefined ? 0.5 : uniformAt(random.data[0], random.data[1], 0, 0)
  return {
    adapter: 'a machine in memory',
    calls,
    held,
    step: async (chosen, inputs) => {
      const call = `step ${chosen.join()} ${inputs.tokens.data.join(' ')}${inputs.random === undefined ? '' : ` random ${inputs.random.data.join()}`}`
      calls.push(call)
      const part = new Float64Array(gradient.length)
      const answers = answersTo(inputs, part, chosen, call)
      for (let at = 0; at < gradient.length; at++) gradient[at] += part[at] * (0.5 + random(inputs))
      return answers
    },
    update: async ({ learningRate: rate, update }) => {
      calls.push(`update ${update} ${rate}`)
      const mean = gradient.map((value) => value / recipe.accumulate)
      const norm = Math.sqrt(mean.reduce((sum, value) => sum + value * value, 0))
      const factor = recipe.clip !== null && norm > recipe.clip ? recipe.clip / norm : 1
      for (let at = 0; at < mean.length; at++) {
        held.momentum[at] = 0.9 * held.momentum[at] + factor * mean[at]
        held.table[at] -= rate * held.momentum[at]
      }
      gradient.fill(0)
      return { norm }
    },
    evaluate: async (inputs) => {
      calls.push(`evaluate ${inputs.tokens.data.join(' ')}`)
      return answersTo(inputs, null, [], 'evaluate')
    },
    read: async (names = Object.keys(places)): Promise<State> =>
      Object.fromEntries(
        names.map((name): [string, HostData] => [name, { shape: shapes[places[name]], data: held[places[name]].slice() }]),
      ),
    write: async (tensors) => {
      calls.push(`write ${Object.keys(tensors).join()}`)
      for (const [name, { data }] of Object.entries(tensors)) held[places[name]].set(data)
    },
  }
}
