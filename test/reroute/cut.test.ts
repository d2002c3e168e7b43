import { expect, test } from 'vitest'
import { cutTensors } from '../../cli/reroute/cut.ts'
import { cutConfig } from '../../cli/reroute/directory.ts'
import { chooseDropped } from '../../cli/reroute/choose.ts'
import type { Routers } from '../../cli/reroute/compare.ts'
import { blend, logits, meanScores, select, softmax } from '../../cli/reroute/score.ts'
import { compile } from '../../compiler/compile.ts'
import { PORTABLE } from '../../plan/target.ts'
import { memoryCheckpoint } from '../../runtime/checkpoint/memory.ts'
import { createLoader } from '../../cli/load.ts'
import { processTerminal } from '../../cli/terminal.ts'
import { randomStored, storedCheckpoint } from '../support/stored-weights.ts'
import type { HostData } from '../../runtime/tensors.ts'

const counted = (shape: readonly number[], start = 0): HostData => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((all, size) => all * size, 1) }, (_, i) => start + i),
})

const SPEC = `import { swiglu } from "std/experts/swiglu"
import { top_k } from "std/policies/top_k"

model layer(D: int = 2, F: int = 3, E: int = 4) {
  input x: f32[T, D]
  output y: f32[T, D] = moe(x) {
    experts E of swiglu(F = F)
    route top_k(k = 1)
  }
  weights {
    moe.experts.gate = "fused"[:, :, ::2].T
    moe.experts.up = "fused"[:, :, 1::2].T
    moe.experts.{e}.down = "down.{e}"
  }
}
`

test('experts go from fused tensors, single ones and the router; the rest stays', async () => {
  const { plan, model } = compile({ path: 'layer.smoe', text: SPEC }, { load: createLoader(processTerminal()), target: PORTABLE })
  const downs = Object.fromEntries([0, 1, 2, 3].map((e) => [`down.${e}`, counted([2, 3], 100 * e)]))
  const tensors = { fused: counted([4, 2, 6]), 'moe.router.gate': counted([4, 2]), other: counted([4, 5]), ...downs }
  const checkpoint = memoryCheckpoint(tensors)
  const cut = cutTensors(plan!, model!.moes, [{ path: 'moe', experts: 4, kept: [1, 3] }], checkpoint)
  expect(cut.map(({ name, shape }) => `${name} ${shape.join('x')}`)).toEqual([
    'down.0 2x3',
    'down.1 2x3',
    'fused 2x2x6',
    'moe.router.gate 2x2',
    'other 4x5',
  ])
  const read = async (name: string): Promise<number[]> => {
    const { from } = cut.find((tensor) => tensor.name === name)!
    const parts = await Promise.all(from.map(({ tensor, offset, length }) => checkpoint.read(tensor, offset, length)))
    return parts.flatMap((part) => [...new Float32Array(part.slice().buffer)])
  }
  expect(await read('down.1')).toEqual([300, 301, 302, 303, 304, 305])
  expect(await read('moe.router.gate')).toEqual([2, 3, 6, 7])
  expect(await read('fused')).toEqual([...Array(12).keys()].map((i) => 12 + i).concat([...Array(12).keys()].map((i) => 36 + i)))
})

test('experts do not go from quantised weights', () => {
  const checkpoint = storedCheckpoint({ fused: randomStored('mxfp4', [4, 6, 32], 1) })
  const { plan, model } = compile({ path: 'layer.smoe', text: SPEC }, { load: createLoader(processTerminal()), target: PORTABLE })
  expect(() => cutTensors(plan!, model!.moes, [{ path: 'moe', experts: 4, kept: [1, 3] }], checkpoint)).toThrow(
    "experts cannot be removed from stored: 'fused' is quantised (mxfp4)",
  )
})

test('a config says the number that is left, and nothing else changes', () => {
  expect(JSON.parse(cutConfig('{"num_local_experts": 8, "hidden_size": 8, "num_experts_per_tok": 2}', 8, 6))).toEqual({
    num_local_experts: 6,
    hidden_size: 8,
    num_experts_per_tok: 2,
  })
})

const routers = (scores: readonly number[]): Routers => {
  const values = Float64Array.from(scores)
  return {
    held: 'ev',
    old: select('moe', values, scores.length, 1),
    bias: null,
    gate: values,
    directions: values,
    logits: values.map((x) => -x),
    blended: values,
    own: values,
  }
}

test('the least go, of equals the later ones', () => {
  expect(chooseDropped(routers([0.3, 0.1, 0.4, 0.1]), 'spectral', 1, 0)).toEqual([3])
  expect(chooseDropped(routers([0.3, 0.1, 0.4, 0.1]), 'spectral', 2, 0)).toEqual([1, 3])
  expect(chooseDropped(routers([0.3, 0.1, 0.4, 0.1]), 'router', 2, 0)).toEqual([0, 2])
  const drawn = chooseDropped(routers([1, 2, 3, 4, 5, 6, 7, 8]), 'random', 3, 5)
  expect(drawn).toEqual(chooseDropped(routers([8, 7, 6, 5, 4, 3, 2, 1]), 'random', 3, 5))
  expect(new Set(drawn).size).toBe(3)
})

test('scores on the host', () => {
  const scored = { rows: Float64Array.from([1, 2, 3, -1]), tokens: 2, experts: 3 }
  const l = logits(scored, Float64Array.from([1, 0, 0, 1, 1, 1]), Float64Array.from([0, 0, 1]))
  expect([...l]).toEqual([1, 2, 4, 3, -1, 3])
  expect([...meanScores(l, 3)]).toEqual([2, 0.5, 3.5])
  expect([...select('moe', l, 3, 2).selected]).toEqual([2, 1, 0, 2])
  const p = softmax(l, 3)
  expect(p[0] + p[1] + p[2]).toBeCloseTo(1, 12)
  expect([...blend(p, p, 0.3)].every((value, i) => Math.abs(value - p[i]) < 1e-15)).toBe(true)
})
