/** The experts of the files, by the names that their weights have there. */
import type { Experts } from './layers.ts'

/** Linear, gelu, linear, with biases. */
export const gelu: Experts = {
  imports: '{ gelu_mlp } from "std/experts/gelu_mlp"',
  call: 'gelu_mlp(F = 64)',
  weights: [
    'moe.experts.{e}.up = "param.experts.{e}.0.weight"',
    'moe.experts.{e}.up_bias = "param.experts.{e}.0.bias"',
    'moe.experts.{e}.down = "param.experts.{e}.2.weight"',
    'moe.experts.{e}.down_bias = "param.experts.{e}.2.bias"',
  ],
}

const relu = '{ relu_mlp } from "std/experts/relu_mlp"'

/** relu(x keys) values, a bank of each. */
export const keysAndValues: Experts = {
  imports: relu,
  call: 'relu_mlp(F = 16, biases = false)',
  weights: ['moe.experts.up = "param.keys".T', 'moe.experts.down = "param.values".T'],
}

/** relu(x w1 + b1) w2 + b2. */
export const withBiases: Experts = {
  imports: relu,
  call: 'relu_mlp(F = 64)',
  weights: ['moe.experts.up = "w1".T', 'moe.experts.up_bias = "b1"', 'moe.experts.down = "w2".T', 'moe.experts.down_bias = "b2"'],
}

/** relu(x W2') W1'. */
export const ofThePaper: Experts = {
  imports: relu,
  call: 'relu_mlp(F = 48, biases = false)',
  weights: ['moe.experts.up = "W2"', 'moe.experts.down = "W1"'],
}

export const swiglu = (F: number): Experts => ({
  imports: '{ swiglu } from "std/experts/swiglu"',
  call: `swiglu(F = ${F})`,
  weights: ['gate', 'up', 'down'].map((name) => `moe.experts.{e}.${name} = "param.experts.{e}.${name}_proj.weight"`),
})

/** One fused tensor, gate and up in turn along its last axis. */
export const gptOss: Experts = {
  imports: '{ clamped_swiglu } from "std/experts/clamped_swiglu"',
  call: 'clamped_swiglu(F = 24)',
  weights: [
    'moe.experts.gate = "param.experts.gate_up_proj"[:, :, ::2].T',
    'moe.experts.gate_bias = "param.experts.gate_up_proj_bias"[:, ::2]',
    'moe.experts.up = "param.experts.gate_up_proj"[:, :, 1::2].T',
    'moe.experts.up_bias = "param.experts.gate_up_proj_bias"[:, 1::2]',
    'moe.experts.down = "param.experts.down_proj".T',
    'moe.experts.down_bias = "param.experts.down_proj_bias"',
  ],
}

/** x sigmoid(1.702 x) between two projections with biases. */
export const quickGelu: Experts = {
  imports: '{ layer_norm } from "std/blocks/norm"',
  call: 'quick_gelu(F = 4 * D)',
  weights: [
    'moe.experts.{e}.up = "param.experts.{e}.c_fc.weight"',
    'moe.experts.{e}.up_bias = "param.experts.{e}.c_fc.bias"',
    'moe.experts.{e}.down = "param.experts.{e}.c_proj.weight"',
    'moe.experts.{e}.down_bias = "param.experts.{e}.c_proj.bias"',
  ],
}

/** Answers what it hears: for files of gates alone. */
export const echo: Experts = { imports: '{ swiglu } from "std/experts/swiglu"', call: 'echo()', weights: [] }

export const echoDeclaration = '\nexpert echo(x: f32[T, D]) -> f32[T, D] {\n  return x\n}\n'

export const quickGeluDeclaration = `
expert quick_gelu(x: f32[T, D], F: int) -> f32[T, D] {
  param up: f32[F, D]
  param up_bias: f32[F]
  param down: f32[D, F]
  param down_bias: f32[D]
  let inner = x @ up.T + up_bias
  return (inner * sigmoid(1.702 * inner)) @ down.T + down_bias
}
`
