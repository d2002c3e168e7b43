/** Records of runs that never were. */
import type { DispatchTime } from '../../../runtime/profile.ts'
import type { LayerRouting, ProbedLayer } from '../../../training/events.ts'
import type { MetricsRecord } from '../../../training/record/metrics.ts'
import { reportTraining, type TrainingReport } from '../../../training/record/report.ts'
import { normal } from '../../../training/initialise.ts'
import { stream, type Stream } from '../../../training/random.ts'
import { learningRateFactor } from '../../../training/schedule/learning-rate.ts'
import { schedule } from '../../../training/schedule/competition.ts'

export interface Sizes {
  readonly steps: number
  readonly layers: number
  readonly experts: number
  readonly competitions?: boolean
  readonly kernels?: number
  readonly validateEvery?: number
}

const clamp = (value: number): number => Math.max(0, Math.min(1, value))

/** Loads that begin even, drift apart and come back; the last expert of the last layer falls asleep. */
function loadOf(step: number, { steps, layers, experts }: Sizes, layer: number, noise: Stream): number[] {
  const part = step / steps
  const spread = 0.9 * Math.exp(-(((part - 0.18 - 0.05 * layer) / 0.16) ** 2)) + 0.18
  return Array.from({ length: experts }, (_, expert) => {
    const isAsleep = layer === layers - 1 && expert === experts - 1 && part > 0.62
    const taste = Math.sin(3.1 * expert + 1.7 * layer + 2.2 * part) + 0.35 * Math.sin(17 * part + expert)
    return isAsleep
      ? 0
      : Math.round((4096 / experts) * Math.exp(spread * taste + 0.05 * normal(noise, step * 997 + layer * 131 + expert)))
  })
}

function routing(step: number, sizes: Sizes, layer: number, noise: Stream): LayerRouting {
  const load = loadOf(step, sizes, layer, noise)
  const [sum, mean] = [load.reduce((a, b) => a + b), load.reduce((a, b) => a + b) / load.length]
  const bits = load.reduce((all, count) => (count === 0 ? all : all - (count / sum) * Math.log2(count / sum)), 0)
  return {
    layer: `layers.${layer}/moe`,
    load,
    dropped: 0,
    cv: Math.sqrt(load.reduce((all, count) => all + (count - mean) ** 2, 0) / load.length) / mean,
    maxVio: Math.max(...load) / mean - 1,
    allocationEntropy: bits / Math.log2(load.length),
    weightEntropy: clamp(0.97 - 0.2 * (1 - Math.exp(-step / 300)) - 0.02 * layer),
  }
}

const probed = (step: number, sizes: Sizes, layer: number, noise: Stream): ProbedLayer => ({
  ...routing(step, sizes, layer, noise),
  changeTop1: step === 0 ? null : clamp(0.5 * Math.exp(-step / 400) + 0.04 * layer + 0.02),
  changeSet: step === 0 ? null : clamp(0.35 * Math.exp(-step / 350) + 0.03 * layer + 0.02),
})

export function madeUpRecords(sizes: Sizes): readonly MetricsRecord[] {
  const { steps, layers, experts, competitions = false, validateEvery = Math.max(1, Math.floor(steps / 20)) } = sizes
  const noise = stream(7, 'weights', 'noise')
  const all = Array.from({ length: layers }, (_, layer) => layer)
  const names = all.map((layer) => `layers.${layer}/moe`)
  const draws = stream(3, 'competition', 'made up')
  const turns = competitions
    ? schedule(
        names.map((layer) => ({ layer, rate: 0.05, first: Math.floor(steps / 20), atMost: 3 })),
        steps,
        (layer, n) => draws.uniform(names.indexOf(layer) * steps + n),
      )
    : {}
  const entropy = (step: number): number => 1.42 + 2.3 * Math.exp(-step / (0.05 * steps)) + 0.45 * Math.exp(-step / (0.4 * steps))
  const records: MetricsRecord[] = [
    {
      kind: 'start',
      model: 'shakespeare',
      adapter: 'llvmpipe (LLVM 19.1, 256 bits)',
      seed: 1,
      steps,
      done: 0,
      parameters: 412_544,
      items: 2048,
      unit: 'token',
      time: 1_700_000_000,
      training: { name: 'tinyshakespeare.txt', examples: 15_684, fingerprint: '' },
      validation: { name: 'tinyshakespeare.txt', examples: 1_742, fingerprint: '' },
      layers: names.map((layer) => ({ layer, experts })),
      competitions: turns,
    },
  ]
  const look = (step: number): void => {
    const loss = entropy(step) + 0.06 + 0.1 * (step / steps) ** 3
    records.push({
      kind: 'validation',
      step,
      loss,
      losses: { 'loss.cross_entropy': loss },
      metrics: { 'metric.accuracy': clamp(0.58 - 0.14 * (loss - 1.4)) },
      batches: 20,
      seconds: step * 0.19,
      time: 1_700_000_000 + step,
    })
    if (layers > 0)
      records.push({
        kind: 'probe',
        step,
        layers: all.map((layer) => probed(step, sizes, layer, noise)),
        time: 1_700_000_000 + step,
      })
  }
  look(0)
  for (let step = 1; step <= steps; step++) {
    const [cross, balance] = [
      entropy(step) + 0.07 * normal(noise, 5_000_000 + step),
      0.011 + 0.002 * normal(noise, 6_000_000 + step) ** 2 + 0.012 * Math.exp(-(((step / steps - 0.2) / 0.15) ** 2)),
    ]
    const chosen = Object.entries(turns).flatMap(([layer, own]) => (own.includes(step - 1) ? [layer] : []))
    const losses = {
      'loss.cross_entropy': cross,
      'loss.balance': balance,
      ...(chosen.length === 0 ? {} : { 'loss.distil': 0.004 * Math.exp(-step / steps) * chosen.length }),
    }
    records.push({
      kind: 'step',
      step,
      lossScale: null,
      skipped: false,
      epoch: (step * 32) / 15_684,
      loss: Object.values(losses).reduce((a, b) => a + b),
      losses,
      metrics: { 'metric.accuracy': clamp(0.58 - 0.14 * (cross - 1.4)) },
      learningRate: 3e-4 * learningRateFactor({ kind: 'cosine', warmup: steps / 20, final: 0.1 }, step - 1, steps),
      gradientNorm: 0.6 + 2.5 * Math.exp(-step / 60) + 0.09 * normal(noise, 7_000_000 + step) ** 2,
      competing: chosen,
      routing: all.map((layer) => routing(step, sizes, layer, noise)),
      seconds: step * 0.19,
      throughput: 10_800 + 150 * normal(noise, 8_000_000 + step),
      eta: (steps - step) * 0.19,
      time: 1_700_000_000 + step,
    })
    if (step % validateEvery === 0) look(step)
  }
  records.push({ kind: 'end', reason: 'done', step: steps, seconds: steps * 0.19, time: 1_700_000_000 + steps })
  return records
}

const times = (count: number): readonly DispatchTime[] =>
  Array.from({ length: count * 2 }, (_, at) => ({
    label: `layers.0/moe step ${at}`,
    kernel:
      ['grouped_matmul', 'matmul', 'softmax', 'attention', 'grouped_weight_gradient', 'adamw', 'sort_by_expert'][
        (at % count) % 7
      ] + (at % count > 6 ? `_${at % count}` : ''),
    template: ['tiled 64 x 64', 'tiled 32 x 32', 'thread per row', 'gate', 'tiled 64 x 64', 'elementwise', 'svd jacobi'][
      (at % count) % 7
    ],
    workgroups: 64,
    nanoseconds: Math.round(4e6 * 0.75 ** (at % count)),
  }))

export const madeUpRun = (sizes: Sizes): TrainingReport =>
  reportTraining(madeUpRecords(sizes), sizes.kernels === undefined ? null : times(sizes.kernels))
