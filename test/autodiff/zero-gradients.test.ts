/** Weights that are trained though nothing is learned: told by what their graph computes, whatever the policy is called. */
import { expect, it } from 'vitest'
import { compileTraining } from '../../compiler/train.ts'
import { load } from '../support/sources.ts'

const spec = (route: string, policies = '', extra = ''): string => `
import { swiglu } from "std/experts/swiglu"
import { top_k } from "std/policies/top_k"
import { softmax_of_top_k } from "std/policies/softmax_of_top_k"
import { sigmoid_top_k } from "std/policies/sigmoid_top_k"
import { sinkhorn_base } from "std/policies/sinkhorn_base"
import { frozen_top_k } from "std/policies/frozen_top_k"
import { load_balance } from "std/losses/balance"
${policies}
model m(D: int = 4, L: int = 2) {
  input x: f32[B, D]
  var h = x
  repeat layers[i] in 0..L {
    h = h + moe(h) {
      experts 4 of swiglu(F = 8)
      route ${route}
    }
  }
  output y = h
  train {
    loss size = mean(mean(y * y))${extra}
    optimiser sgd(rate = 0.1)
    batch B = 2
  }
}
`

const own = (weigh: string, loss = ''): string => `
policy mine(k: int in 1..E = 1, scale: real = 1.5) {
  param gate: f32[E, D]
  let p = softmax(x @ gate.T)
  select top k by p
  let w = pick(p, selected)
  weigh ${weigh}
  when training {
    ${loss === '' ? 'let unused = p' : `loss extra = ${loss}`}
  }
}
`

const warned = (text: string): readonly string[] =>
  compileTraining({ path: 'm.smoe', text }, { load }).diagnostics.map(
    ({ code, severity, message }) => `${severity} ${code} ${/gradient of (.*) is always 0:/.exec(message)?.[1] ?? message}`,
  )

const GATES = 'warning SMOE7002 layers.0.moe.router.gate, layers.1.moe.router.gate'

it.each([
  ['weights of one expert that sum to 1', 'top_k(k = 1)', ''],
  ['a softmax over one', 'softmax_of_top_k(k = 1)', ''],
  ['a quotient with a small summand', 'sigmoid_top_k(k = 1, renormalise = true)', ''],
  ["a policy of one's own", 'mine(k = 1)', own('w / sum(w, keep = true)')],
  ['a factor first', 'mine(k = 1)', own('scale * w / sum(w, keep = true)')],
  ['a factor last', 'mine(k = 1)', own('w / (sum(w, keep = true) + 1e-9) * scale')],
  ['a loss of something else', 'mine(k = 1)', own('w / sum(w, keep = true)', 'mean(mean(x * x))')],
])('%s', (_, route, policies) => {
  expect(warned(spec(route, policies))).toEqual([GATES])
})

it.each([
  ['two experts', 'top_k(k = 2)', ''],
  ['weights as they are', 'top_k(k = 1, renormalise = false)', ''],
  ['sigmoid weights as they are', 'sigmoid_top_k(k = 1)', ''],
  ['weights of the router itself', 'sinkhorn_base(k = 1)', ''],
  ['a gate that does not learn by intent', 'frozen_top_k(k = 1)', ''],
  ['a loss that reaches the gate', 'mine(k = 1)', own('w / sum(w, keep = true)', '0.01 * load_balance(p, selected)')],
  ['a large summand', 'mine(k = 1)', own('w / (sum(w, keep = true) + 1.0)')],
  ['a quotient of others', 'mine(k = 1)', own('w / sum(pick(sigmoid(x @ gate.T), selected), keep = true)')],
])('no warning: %s', (_, route, policies) => {
  expect(warned(spec(route, policies))).toEqual([])
})
