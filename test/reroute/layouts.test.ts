/** Layouts of experts that are not imported: specs written by hand over the tensors as they lie there. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { encodeSafetensors } from '../../runtime/checkpoint/encode.ts'
import type { HostTensor } from '../../compiler/reference/tensor.ts'
import { place, type Place } from '../cli/harness.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { root } from '../support/sources.ts'
import { directionsOf, matrix } from './independent.ts'
import { MORE_IN_LONG, testRun } from '../support/runs.ts'

const D = 32
const E = 8
const folder = (name: string): string => join(root, 'test/fixtures/layers', name)

const QWEN = `import { attention } from "std/blocks/attention"
import { rms_norm } from "std/blocks/norm"
import { gated_swiglu } from "std/experts/gated_swiglu"
import { swiglu } from "std/experts/swiglu"
import { top_k } from "std/policies/top_k"

/// The first layer, from the residual stream to itself.
model layer(D: int = 32, F: int = 24, G: int = 40, E: int = 8, k: int in 1..E = 4) {
  input h: f32[B, S, D]
  let normed = rms_norm(h, eps = 1e-6) as attention_norm
  let heard = h + attention(normed, heads = 4, groups = 2, theta = 10000.0, biases = true)
  output next: f32[B, S, D] = heard + moe(rms_norm(heard, eps = 1e-6) as moe_norm) {
    experts E of swiglu(F = F)
    // the route of the paper
    route top_k(k = k, renormalise = false)
    shared 1 of gated_swiglu(F = G)
    require dropless
  }

  weights {
    attention_norm.weight = "model.layers.0.input_layernorm.weight"
    attention.q = "model.layers.0.self_attn.q_proj.weight"
    attention.k = "model.layers.0.self_attn.k_proj.weight"
    attention.v = "model.layers.0.self_attn.v_proj.weight"
    attention.o = "model.layers.0.self_attn.o_proj.weight"
    attention.q_bias = "model.layers.0.self_attn.q_proj.bias"
    attention.k_bias = "model.layers.0.self_attn.k_proj.bias"
    attention.v_bias = "model.layers.0.self_attn.v_proj.bias"
    moe_norm.weight = "model.layers.0.post_attention_layernorm.weight"
    moe.router.gate = "model.layers.0.mlp.gate.weight"
    moe.experts.{e}.gate = "model.layers.0.mlp.experts.{e}.gate_proj.weight"
    moe.experts.{e}.up = "model.layers.0.mlp.experts.{e}.up_proj.weight"
    moe.experts.{e}.down = "model.layers.0.mlp.experts.{e}.down_proj.weight"
    moe.shared.gate = "model.layers.0.mlp.shared_expert.gate_proj.weight"
    moe.shared.up = "model.layers.0.mlp.shared_expert.up_proj.weight"
    moe.shared.down = "model.layers.0.mlp.shared_expert.down_proj.weight"
    moe.shared.whole = "model.layers.0.mlp.shared_expert_gate.weight"
  }
}
`

const GPT_OSS = `import { softmax_of_top_k } from "std/policies/softmax_of_top_k"

/// Both halves cut to a magnitude; the linear one shifted by 1.
expert clamped(x: f32[T, D], F: int) -> f32[T, D] {
  param gate: f32[F, D]
  param gate_bias: f32[F]
  param up: f32[F, D]
  param up_bias: f32[F]
  param down: f32[D, F]
  param down_bias: f32[D]
  let gated = minimum(x @ gate.T + gate_bias, 7.0)
  let linear = maximum(minimum(x @ up.T + up_bias, 7.0), -7.0)
  return ((linear + 1.0) * gated * sigmoid(1.702 * gated)) @ down.T + down_bias
}

model layer(D: int = 32, F: int = 48) {
  input x: f32[T, D]
  output y: f32[T, D] = moe(x) {
    experts 8 of clamped(F = F)
    route softmax_of_top_k(k = 4, biases = true)
  }

  weights {
    moe.router.gate = "model.layers.0.mlp.router.weight"
    moe.router.gate_bias = "model.layers.0.mlp.router.bias"
    moe.experts.gate = "model.layers.0.mlp.experts.gate_up_proj"[:, :, ::2].T
    moe.experts.up = "model.layers.0.mlp.experts.gate_up_proj"[:, :, 1::2].T
    moe.experts.gate_bias = "model.layers.0.mlp.experts.gate_up_proj_bias"[:, ::2]
    moe.experts.up_bias = "model.layers.0.mlp.experts.gate_up_proj_bias"[:, 1::2]
    moe.experts.down = "model.layers.0.mlp.experts.down_proj".T
    moe.experts.down_bias = "model.layers.0.mlp.experts.down_proj_bias"
  }
}
`

const tensorsOf = (name: string): Readonly<Record<string, HostTensor>> => readSafetensors(join(folder(name), 'model.safetensors'))

function expectDirections(there: Place, file: string, expected: readonly Float64Array[]): void {
  const { values, shape } = readSafetensors(join(there.folder, file))['moe.router.ev']
  expect(shape).toEqual([E, D])
  const worst = Math.max(...expected.flatMap((row, e) => [...row].map((value, d) => Math.abs(value - values[e * D + d]))))
  expect(worst).toBeLessThan(1e-5)
}

const same = (there: Place, a: string, b: string): void => expect(there.read(a)).toBe(there.read(b))

// the cpu device computes what the reference does, and more
for (const device of testRun === 'short' ? ['cpu'] : ['reference']) {
  test(
    `qwen2_moe, an expert a tensor and a shared one, on ${device}: W_EV, and the layer as it was for alpha = 0`,
    { ...MORE_IN_LONG, timeout: 240_000 },
    async () => {
      const there = place({ 'layer.smoe': QWEN })
      const from = folder('qwen2_moe')
      const made = await there.smoe(
        'reroute',
        from,
        '--spec',
        'layer.smoe',
        '-o',
        'new.smoe',
        '--top-c',
        '5',
        '--device',
        device,
        '--format',
        'json',
      )
      expect(made.code, made.err).toBe(0)
      expect(there.read('new.smoe')).toContain(
        '    // the route of the paper\n    route spectral(k = k, alpha = 0.5, c = 5, renormalise = false)',
      )
      const tensors = tensorsOf('qwen2_moe')
      const [at, gate] = [
        (name: string): Float64Array => tensors[`model.layers.0.mlp.${name}.weight`].values,
        tensors['model.layers.0.mlp.gate.weight'].values,
      ]
      const experts = Array.from({ length: E }, (_, e) => [
        matrix(24, D, (f, d) => at(`experts.${e}.gate_proj`)[f * D + d]),
        matrix(24, D, (f, d) => at(`experts.${e}.up_proj`)[f * D + d]),
        matrix(24, D, (f, d) => at(`experts.${e}.down_proj`)[d * 24 + f]),
      ])
      expectDirections(
        there,
        'new.held.safetensors',
        directionsOf(
          experts,
          matrix(E, D, (e, d) => gate[e * D + d]),
          5,
        ),
      )

      const still = await there.smoe(
        'reroute',
        from,
        '--spec',
        'layer.smoe',
        '-o',
        'zero.smoe',
        '--alpha',
        '0',
        '--device',
        device,
      )
      expect(still.code, still.err).toBe(0)
      const reference = join(from, 'reference.safetensors')
      await there.smoe(
        'run',
        'layer.smoe',
        '--weights',
        from,
        '--in',
        `h=${reference}:hidden.0`,
        '--device',
        device,
        '--out',
        'old.safetensors',
      )
      await there.smoe(
        'run',
        'zero.smoe',
        '--weights',
        from,
        '--in',
        `h=${reference}:hidden.0`,
        '--device',
        device,
        '--out',
        'zero.safetensors',
      )
      same(there, 'zero.safetensors', 'old.safetensors')
      const [next, hidden] = [
        readSafetensors(join(there.folder, 'zero.safetensors'))['next'],
        readSafetensors(reference)['hidden.1'],
      ]
      const error = Math.sqrt(
        next.values.reduce((sum, x, i) => sum + (x - hidden.values[i]) ** 2, 0) /
          hidden.values.reduce((sum, x) => sum + x * x, 0),
      )
      expect(error).toBeLessThan(1e-5)
    },
  )
}

/** The layer as its equations say, one token after the other. */
function gptOss(tensors: Readonly<Record<string, HostTensor>>, x: Float32Array): Float64Array {
  const at = (name: string): Float64Array => tensors[`model.layers.0.mlp.${name}`].values
  const [fused, fusedBias, down, downBias] = ['gate_up_proj', 'gate_up_proj_bias', 'down_proj', 'down_proj_bias'].map((name) =>
    at(`experts.${name}`),
  )
  const y = new Float64Array(x.length)
  const expert = (e: number, row: Float32Array): Float64Array => {
    const inner = Float64Array.from({ length: 96 }, (_, j) =>
      row.reduce((sum, value, d) => sum + value * fused[(e * D + d) * 96 + j], fusedBias[e * 96 + j]),
    )
    const hidden = Float64Array.from({ length: 48 }, (_, f) => {
      const gated = Math.min(inner[2 * f], 7)
      return ((Math.max(Math.min(inner[2 * f + 1], 7), -7) + 1) * gated) / (1 + Math.exp(-1.702 * gated))
    })
    return Float64Array.from({ length: D }, (_, d) =>
      hidden.reduce((sum, value, f) => sum + value * down[(e * 48 + f) * D + d], downBias[e * D + d]),
    )
  }
  for (let t = 0; t < x.length / D; t++) {
    const row = x.subarray(t * D, (t + 1) * D)
    const scores = Array.from({ length: E }, (_, e) =>
      row.reduce((sum, value, d) => sum + value * at('router.weight')[e * D + d], at('router.bias')[e]),
    )
    const best = scores
      .map((_, e) => e)
      .sort((a, b) => scores[b] - scores[a])
      .slice(0, 4)
    const total = best.reduce((sum, e) => sum + Math.exp(scores[e]), 0)
    for (const e of best) expert(e, row).forEach((value, d) => (y[t * D + d] += (Math.exp(scores[e]) / total) * value))
  }
  return y
}

for (const device of ['reference', 'cpu']) {
  test(
    `gpt_oss, one tensor for all experts, interleaved, with biases, on ${device}: W_EV, and the layer as it was for alpha = 0`,
    { ...MORE_IN_LONG, timeout: 240_000 },
    async () => {
      const x = Float32Array.from({ length: 11 * D }, (_, i) => Math.sin(i * i))
      const there = place({ 'layer.smoe': GPT_OSS, 'x.safetensors': encodeSafetensors({ x: { shape: [11, D], data: x } }) })
      const from = folder('gpt_oss')
      const made = await there.smoe(
        'reroute',
        from,
        '--spec',
        'layer.smoe',
        '-o',
        'new.smoe',
        '--top-c',
        '7',
        '--device',
        device,
        '--calibrate',
        'x.safetensors:x',
      )
      expect(made.code, made.err).toBe(0)
      expect(there.read('new.smoe')).toContain('route spectral(k = 4, alpha = 0.5, c = 7, renormalise = true, biases = true)')
      const tensors = tensorsOf('gpt_oss')
      const [fused, down, gate] = ['experts.gate_up_proj', 'experts.down_proj', 'router.weight'].map(
        (name) => tensors[`model.layers.0.mlp.${name}`].values,
      )
      const experts = Array.from({ length: E }, (_, e) => [
        matrix(48, D, (f, d) => fused[(e * D + d) * 96 + 2 * f]),
        matrix(48, D, (f, d) => fused[(e * D + d) * 96 + 2 * f + 1]),
        matrix(48, D, (f, d) => down[(e * 48 + f) * D + d]),
      ])
      expectDirections(
        there,
        'new.held.safetensors',
        directionsOf(
          experts,
          matrix(E, D, (e, d) => gate[e * D + d]),
          7,
        ),
      )
      const ran = await there.smoe(
        'run',
        'new.smoe',
        '--weights',
        from,
        '--held',
        'new.held.safetensors',
        '--in',
        'x=x.safetensors',
        '--device',
        device,
      )
      expect(ran.code, ran.err).toBe(0)

      await there.smoe('reroute', from, '--spec', 'layer.smoe', '-o', 'zero.smoe', '--alpha', '0', '--device', device)
      await there.smoe(
        'run',
        'layer.smoe',
        '--weights',
        from,
        '--in',
        'x=x.safetensors',
        '--device',
        device,
        '--out',
        'old.safetensors',
      )
      await there.smoe(
        'run',
        'zero.smoe',
        '--weights',
        from,
        '--in',
        'x=x.safetensors',
        '--device',
        device,
        '--out',
        'zero.safetensors',
      )
      same(there, 'zero.safetensors', 'old.safetensors')
      const [y, expected] = [readSafetensors(join(there.folder, 'zero.safetensors'))['y'].values, gptOss(tensors, x)]
      y.forEach((value, i) => expect(value).toBeCloseTo(expected[i], 4))
    },
  )
}
