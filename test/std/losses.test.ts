/**
 * Losses of the library over some of the targets, against sums that are worked out here, and their gradients against differences.
 */
import { describe, expect, test } from 'vitest'
import type { Graph } from '../../compiler/graph/node.ts'
import { lower } from '../../compiler/lower/lower.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { hostTensor, type HostTensor } from '../../compiler/reference/tensor.ts'
import { checkSource, framed } from '../support/check.ts'
import { differences } from '../support/gradients.ts'

const [ROWS, V] = [6, 4]

function graphOf(expression: string): Graph {
  const text = `import { masked_load_balance, masked_negative_entropy, masked_z_cost, load_balance, negative_entropy, z_cost } from "std/losses/balance"
import { distillation } from "std/losses/distillation"
model m() {
  input logits: f32[2, 3, ${V}]
  input targets: i32[2, 3]
  input mask: bool[2, 3]
  let flat = reshape(logits, [${ROWS}, ${V}])
  let counted = reshape(mask, [${ROWS}])
  let touched = sum(sum(sum(logits * 0))) + cast(sum(sum(targets)) * 0, "f32") + sum(sum(where(mask, 0.0, 0.0)))
  output loss = touched + ${expression}
}
`
  const { model, diagnostics } = checkSource({ path: 'test/std/losses.smoe', text })
  if (model === null) throw new Error(framed(diagnostics))
  const graph = lower(model)
  return {
    ...graph,
    outputs: graph.outputs.map((output) => ({ ...output, name: 'loss.sum', role: { kind: 'loss', path: '', term: 'sum' } })),
  }
}

const LOGITS = Array.from({ length: ROWS * V }, (_, at) => Math.sin(3 * at) * 2)
const row = (at: number): readonly number[] => LOGITS.slice(at * V, (at + 1) * V)
const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0)
const mean = (values: readonly number[]): number => sum(values) / values.length

const tensor = (dtype: HostTensor['dtype'], shape: readonly number[], values: readonly number[]): HostTensor =>
  hostTensor(shape, dtype, Float64Array.from(values))

const feeds = (targets: readonly number[], mask: readonly number[] = []): Readonly<Record<string, HostTensor>> => ({
  logits: tensor('f32', [2, 3, V], LOGITS),
  targets: tensor('i32', [2, 3], targets),
  mask: tensor('bool', [2, 3], mask.length === 0 ? targets.map(() => 1) : mask),
})

const valueOf = (expression: string, ...given: Parameters<typeof feeds>): number =>
  evaluate(graphOf(expression), { inputs: feeds(...given), weights: {} })['loss.sum'].values[0]

const missed = (at: number, target: number): number => Math.log(sum(row(at).map(Math.exp))) - row(at)[target]

function expectGradient(expression: string, ...given: Parameters<typeof feeds>): void {
  const found = differences(graphOf(expression), feeds(...given))
  expect(found.length).toBe(ROWS * V)
  for (const { gradient, difference, element } of found)
    expect(Math.abs(gradient - difference), `element ${element}`).toBeLessThan(1e-8)
}

describe('cross_entropy', () => {
  const all = [0, 1, 2, 3, 0, 1]

  test('counts every target unless it is said which to ignore', () => {
    expect(valueOf('cross_entropy(logits, targets)', all)).toBeCloseTo(mean(all.map((target, at) => missed(at, target))), 12)
    expect(valueOf('cross_entropy(logits, targets, ignore = -100)', all)).toBeCloseTo(
      valueOf('cross_entropy(logits, targets)', all),
      12,
    )
  })

  test.each([-100, -1, 0, 3, 255])('is the mean over the targets that are not %i', (ignored) => {
    const targets = [1, ignored, 2, ignored, 1, 2]
    const wanted = mean(
      [
        [0, 1],
        [2, 2],
        [4, 1],
        [5, 2],
      ].map(([at, target]) => missed(at, target)),
    )
    expect(valueOf(`cross_entropy(logits, targets, ignore = ${ignored})`, targets)).toBeCloseTo(wanted, 12)
    expectGradient(`cross_entropy(logits, targets, ignore = ${ignored})`, targets)
  })

  test('is 0 where all are ignored, and so is its gradient', () => {
    const targets = all.map(() => -100)
    expect(valueOf('cross_entropy(logits, targets, ignore = -100)', targets)).toBe(0)
    expect(
      differences(graphOf('cross_entropy(logits, targets, ignore = -100)'), feeds(targets)).map(({ gradient }) => gradient),
    ).toEqual(LOGITS.map(() => 0))
  })

  test('refuses another number that no logit has', () => {
    expect(() => valueOf('cross_entropy(logits, targets, ignore = -100)', [0, 1, 2, -1, -100, 0])).toThrow('outside 0..3')
  })
})

describe('masked_cross_entropy', () => {
  const expression = 'masked_cross_entropy(logits, targets, mask)'

  test('is the mean where the mask holds, whatever the other targets are', () => {
    const given = [
      [1, -100, 2, 9, 1, 2],
      [1, 0, 1, 0, 0, 1],
    ] as const
    expect(valueOf(expression, ...given)).toBeCloseTo(mean([missed(0, 1), missed(2, 2), missed(5, 2)]), 12)
    expectGradient(expression, ...given)
  })
  test('is 0 where the mask holds nowhere', () => {
    expect(valueOf(expression, [0, 0, -100, 0, 0, 0], [0, 0, 0, 0, 0, 0])).toBe(0)
  })
  test('is infinite where a target that counts has no logit', () => {
    expect(valueOf(expression, [0, 0, -100, 0, 0, 0], [1, 1, 1, 1, 1, 1])).toBe(Infinity)
  })
})

describe('accuracy', () => {
  const best = Array.from({ length: ROWS }, (_, at) => row(at).indexOf(Math.max(...row(at))))
  const targets = best.map((one, at) => (at === 0 ? (one + 1) % V : at < 3 ? -100 : one))

  test('is the share among the targets that count', () => {
    expect(valueOf('accuracy(logits, targets, ignore = -100)', targets)).toBeCloseTo(3 / 4, 12)
    expect(valueOf('accuracy(logits, targets)', targets)).toBeCloseTo(3 / 6, 12)
    expect(valueOf('masked_accuracy(logits, targets, mask)', targets, [1, 0, 0, 1, 0, 0])).toBeCloseTo(1 / 2, 12)
  })
  test('is 0 where none counts', () => {
    expect(
      valueOf(
        'accuracy(logits, targets, ignore = -100)',
        best.map(() => -100),
      ),
    ).toBe(0)
    expect(
      valueOf(
        'masked_accuracy(logits, targets, mask)',
        best,
        best.map(() => 0),
      ),
    ).toBe(0)
  })
})

describe('what policies add', () => {
  const mask = [1, 1, 0, 1, 0, 1]
  const kept = [0, 1, 3, 5]
  const selected = 'top_k(flat, 2)'
  /** The same loss of the tokens that count, by themselves. */
  const alone = (loss: string): string =>
    loss.replaceAll('flat', `take(flat, concat([${kept.map((at) => `iota(${at + 1})[${at}:${at + 1}]`).join(', ')}], axis = 0))`)
  test.each([
    [`masked_load_balance(softmax(flat), ${selected}, counted)`, `load_balance(softmax(flat), ${selected})`],
    ['masked_negative_entropy(flat, counted)', 'negative_entropy(flat)'],
    ['masked_z_cost(flat, counted)', 'z_cost(flat)'],
  ])('%s is %s of the tokens that count', (masked, plain) => {
    const targets = mask.map(() => 0)
    expect(valueOf(masked, targets, mask)).toBeCloseTo(valueOf(alone(plain), targets, mask), 12)
    expect(
      valueOf(
        masked,
        targets,
        mask.map(() => 1),
      ),
    ).toBeCloseTo(valueOf(plain, targets), 12)
    expect(
      valueOf(
        masked,
        targets,
        mask.map(() => 0),
      ),
    ).toBeCloseTo(0, 12)
    expectGradient(masked, targets, mask)
  })
})

describe('distillation', () => {
  const TEACHER = 'reshape(sin(reshape(cast(iota(24), "f32"), [2, 3, 4]) * 1.7), [2, 3, 4])'
  const wanted = Array.from({ length: ROWS * V }, (_, at) => Math.sin(1.7 * at))
  const probabilities = (logits: readonly number[], at: number, temperature: number): readonly number[] => {
    const powers = logits.slice(at * V, (at + 1) * V).map((x) => Math.exp(x / temperature))
    return powers.map((power) => power / sum(powers))
  }
  const divergence = (temperature: number): number =>
    temperature ** 2 *
    mean(
      Array.from({ length: ROWS }, (_, at) => {
        const [p, q] = [probabilities(wanted, at, temperature), probabilities(LOGITS, at, temperature)]
        return sum(p.map((value, i) => value * Math.log(value / q[i])))
      }),
    )

  test.each([1, 2, 0.5])('KL(teacher || student) at temperature %d', (temperature) => {
    const expression = `distillation(logits, ${TEACHER}, ${temperature}.0)`.replace('0.5.0', '0.5')
    expect(valueOf(expression, [0, 0, 0, 0, 0, 0])).toBeCloseTo(divergence(temperature), 12)
    expectGradient(expression, [0, 0, 0, 0, 0, 0])
  })

  test('is 0, with gradient 0, for the teacher itself, through which no gradient flows', () => {
    expect(valueOf('distillation(logits, logits)', [0, 0, 0, 0, 0, 0])).toBe(0)
    for (const { gradient } of differences(graphOf('distillation(logits, logits)'), feeds([0, 0, 0, 0, 0, 0])))
      expect(Math.abs(gradient)).toBeLessThan(1e-15)
  })
})
