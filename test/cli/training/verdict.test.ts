import { describe, expect, test } from 'vitest'
import { createNews, remedyWords, troubleWords, verdictLines } from '../../../cli/training/verdict.ts'
import type { LayerRouting, StepEvent } from '../../../training/events.ts'
import { judge, problemsOf, WINDOW, type LayerVerdict, type LayerProblem } from '../../../training/record/verdict.ts'

const layer = { layer: 'layers.0/moe', experts: 4 } as const

/** A step in which so many tokens, two slots each, have this load. */
function step(load: readonly number[], more: Partial<StepEvent> = {}, routing: Partial<LayerRouting> = {}): StepEvent {
  const kept = load.reduce((sum, count) => sum + count, 0)
  const told = {
    layer: layer.layer,
    tokens: kept / 2,
    load,
    dropped: 0,
    cv: null,
    maxVio: null,
    allocationEntropy: null,
    weightEntropy: null,
    ...routing,
  }
  return {
    kind: 'step',
    step: 1,
    epoch: 0,
    loss: 1,
    losses: { 'loss.next': 1 },
    metrics: {},
    learningRate: 1,
    gradientNorm: 1,
    lossScale: null,
    skipped: false,
    competing: [],
    routing: [told],
    seconds: 1,
    throughput: 1,
    eta: 1,
    ...more,
  }
}

const even = [32, 32, 32, 32]

describe('what is wrong with a layer, and near misses', () => {
  test.each<readonly [string, readonly StepEvent[], number | undefined, readonly LayerProblem[]]>([
    ['an even load', [step(even)], 5, []],
    ['all tokens at the same two experts', [step([64, 64, 0, 0])], undefined, ['collapsed', 'dead']],
    ['nearly all', [step([62, 60, 3, 3])], undefined, ['collapsed']],
    ['a half more than even', [step([48, 48, 16, 16])], undefined, []],
    ['an expert that is dead in one of two steps', [step([44, 42, 42, 0]), step(even)], undefined, []],
    ['one that is dead in both', [step([44, 42, 42, 0]), step([44, 42, 42, 0])], undefined, ['dead']],
    ['one without a slot of 16 an expert', [step([22, 21, 21, 0])], undefined, ['dead']],
    ['one without a slot of fewer, which chance gives', [step([20, 21, 21, 0])], undefined, []],
    ['a load at the edge of what is required', [step([40, 32, 32, 24])], 25, []],
    ['a load beyond it', [step([41, 32, 32, 23])], 25, ['unbalanced']],
    ['the same where nothing is required', [step([41, 32, 32, 23])], undefined, []],
    ['one step of two beyond it, though their sum is even', [step([41, 32, 32, 23]), step([23, 32, 32, 41])], 25, ['unbalanced']],
    ['a collapse before the window', [step([128, 128, 0, 0]), ...new Array<StepEvent>(WINDOW).fill(step(even))], 25, []],
    ['records that do not say how many tokens', [step([64, 64, 0, 0], {}, { tokens: undefined })], undefined, ['dead']],
    ['nothing that was answered', [step([0, 0, 0, 0], {}, { tokens: 64, dropped: 128 })], 5, []],
  ])('%s', (_, steps, within, troubles) => {
    const [verdict] = judge([within === undefined ? layer : { ...layer, within }], steps)
    expect(problemsOf(verdict)).toEqual(troubles)
    expect(JSON.parse(JSON.stringify(verdict))).toEqual(verdict)
  })

  test('a layer whose routes were not read back has no verdict', () => {
    expect(judge([layer], [])).toEqual([])
    expect(judge([layer], [step(even, { routing: [] })])).toEqual([])
  })
})

const only = (steps: readonly StepEvent[], more: object = {}): LayerVerdict => judge([{ ...layer, ...more }], steps)[0]

test('in words', () => {
  expect(troubleWords(only([step([64, 64, 0, 0])], { within: 10 }))).toEqual([
    'the load has COLLAPSED onto few experts: the entropy is that of 2 evenly busy experts of 4, of 3.97 where choices are random; the busiest 2 take 100% of the slots, in the last step',
    'experts 2, 3 of 4 DEAD: no token in the last step',
    'NOT balanced within 10%: 4 of 4 experts outside of 28.8 to 35.2 slots, 32 in the mean; expert 0 is farthest, 64 slots, 100% off',
  ])
  expect(troubleWords(only([step([41, 32, 32, 23]), step(even)], { within: 25 }))).toEqual([
    'NOT balanced within 25%: 2 of 4 experts outside of 24 to 40 slots, 32 in the mean; expert 0 is farthest, 41 slots, 28.13% off, and so in 1 of the last 2 steps',
  ])
  expect(verdictLines([only([step(even)], { within: 25 })])).toEqual([])
})

test('what to try is what the layer has, else what the language offers', () => {
  const losses = {
    'loss.next': 1,
    'loss.layers.0.moe.router.balance': 0.1,
    'loss.layers.0.moe.router.z': 0.1,
    'loss.layers.1.moe.router.balance': 0.1,
  }
  expect(remedyWords(only([step(even, { losses })], { biasRate: 0.001 }))).toBe(
    'to try: a larger rate than 0.001 in `require bias balanced at 0.001`; more weight for the loss `balance` of its policy; a smaller rate for routers, `group "*.router.*" (rate = 0.5)`',
  )
  expect(remedyWords(only([step(even)]))).toBe(
    'to try: `require bias balanced at 0.001` in the layer; a loss for balance: `load_balance` of std/losses/balance in `when training`, or a policy that has one, `competition` or `noisy_top_k`; a smaller rate for routers, `group "*.router.*" (rate = 0.5)`',
  )
})

test('is told once, and again where it is another or gone', () => {
  const news = createNews()
  const [collapsed, dead, good] = [only([step([64, 64, 0, 0])]), only([step([44, 42, 42, 0])]), only([step(even)])]
  expect(news([good])).toEqual([])
  expect(news([collapsed])).toEqual(verdictLines([collapsed]))
  expect(news([collapsed])).toEqual([])
  expect(news([dead])).toEqual(verdictLines([dead]))
  expect(news([good])).toEqual(['layers.0/moe: no problem any more, in the last step'])
  expect(news([good])).toEqual([])
})

test('what to try stands once where it is the same for all layers, else by layers', () => {
  const bad = step([64, 64, 0, 0])
  const [one, other, biased] = [
    only([bad]),
    { ...only([bad]), layer: 'layers.1/moe' },
    { ...only([bad]), layer: 'layers.2/moe', biasRate: 0.01 },
  ]
  expect(verdictLines([one, other]).filter((line) => line.includes('to try'))).toEqual([`  ${remedyWords(one)}`])
  expect(verdictLines([one, other, biased]).filter((line) => line.includes('to try'))).toEqual([
    `  layers.0/moe, layers.1/moe: ${remedyWords(one)}`,
    `  layers.2/moe: ${remedyWords(biased)}`,
  ])
})
