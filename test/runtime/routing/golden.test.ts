/** Against vectors of an independent implementation, in f64. */
import { beforeAll, expect, test } from 'vitest'
import type { Checkpoint } from '../../../runtime/checkpoint/checkpoint.ts'
import { openCheckpoint } from '../../../runtime/checkpoint/files.ts'
import { readTensor } from '../../../runtime/checkpoint/tensor.ts'
import { allocationEntropy } from '../../../runtime/routing/allocation-entropy.ts'
import { changeRateSet, changeRateTop1 } from '../../../runtime/routing/change-rate.ts'
import { coactivation, coactivationOf } from '../../../runtime/routing/coactivation.ts'
import { collapse, meanCosine } from '../../../runtime/routing/collapse.ts'
import { load, type Load } from '../../../runtime/routing/load.ts'
import { margin } from '../../../runtime/routing/margin.ts'
import { maxVio } from '../../../runtime/routing/max-vio.ts'
import { overlap } from '../../../runtime/routing/overlap.ts'
import type { RoutedLayer } from '../../../runtime/routing/record.ts'
import { saturation } from '../../../runtime/routing/saturation.ts'
import { variation, variationSquared } from '../../../runtime/routing/variation.ts'
import { weightEntropy } from '../../../runtime/routing/weight-entropy.ts'

const [T, E, K, D] = [16, 8, 2, 32]
const values: Record<string, Float64Array> = {}
let a: RoutedLayer
let b: RoutedLayer
let loads: Load

async function read(checkpoint: Checkpoint): Promise<void> {
  for (const name of checkpoint.tensors.keys())
    values[name] = Float64Array.from((await readTensor(checkpoint, name)).data as Float64Array, Number)
}

function softmax(row: Float64Array): Float64Array {
  const raised = row.map(Math.exp)
  return raised.map((value) => value / raised.reduce((sum, each) => sum + each, 0))
}

function routed(which: 'a' | 'b'): RoutedLayer {
  const rows = Array.from({ length: T }, (_, token) => softmax(values[`logits_${which}`].subarray(token * E, (token + 1) * E)))
  const selected = Int32Array.from(values[`topk_${which}`])
  const weights = Float64Array.from(selected, (expert, at) => rows[Math.floor(at / K)][expert])
  return {
    name: 'moe',
    experts: E,
    tokens: T,
    k: K,
    selected,
    weights,
    scores: Float64Array.from(rows.flatMap((row) => [...row])),
  }
}

beforeAll(async () => {
  const checkpoint = await openCheckpoint('test/fixtures/golden/baselines/diagnostics_f64.safetensors')
  await read(checkpoint)
  await checkpoint.close()
  ;[a, b] = [routed('a'), routed('b')]
  loads = load(a)
})

const near = (value: number | null | undefined, name: string): void =>
  expect(Math.abs((value ?? NaN) - values[name][0]), name).toBeLessThan(1e-12)

test('load', () => expect(loads).toEqual({ counts: [...values.load], kept: T * K, dropped: 0 }))

test('what follows from the load', () => {
  near(variationSquared(loads), 'cv2')
  expect(variation(loads)).toBe(Math.sqrt(variationSquared(loads) ?? NaN))
  near(maxVio(loads), 'max_vio')
  near(allocationEntropy(loads), 'EAE_norm')
})

test('what follows from weights and scores', () => {
  near(weightEntropy(a), 'EWA_norm')
  expect(margin(a)?.from).toBe('scores')
  near(margin(a)?.value, 'router_margin')
  // the two best were selected, so their weights say the same
  const fromWeights = margin({ ...a, scores: undefined })
  expect(fromWeights?.from).toBe('weights')
  near(fromWeights?.value, 'router_margin')
})

test('co-activation', () => {
  const counted = coactivation(a)
  for (let i = 0; i < E; i++)
    for (let j = 0; j < E; j++) expect(coactivationOf(counted, i, j)).toBeCloseTo(values.coactivation[i * E + j], 12)
})

test('two records', () => {
  near(changeRateTop1(b, a), 'ECR_top1')
  near(changeRateSet(b, a), 'ECR_set')
  near(saturation(a, b), 'router_saturation')
  near(overlap(a, b), 'ev_router_overlap')
})

test('collapse', () => {
  const { pearson, cosine } = collapse(values.expert_embed, D)
  near(pearson, 'collapse_abs_pearson')
  near(cosine, 'collapse_abs_cosine')
  const alike = Array.from(
    { length: T },
    (_, token) => meanCosine(values.expert_out.subarray(token * E * D, (token + 1) * E * D), D) ?? NaN,
  )
  near(alike.reduce((sum, value) => sum + value, 0) / T, 'expert_out_mean_cos')
})
