import { beforeAll, expect, test } from 'vitest'
import { generateBindings } from '../../compiler/bindings/generate.ts'
import { bindingsOf, graphsOf, planOf, RENAMED, STILL, TINY } from './tiny.ts'
import { typeErrors as typeErrorsOf } from './type-errors.ts'

const bindings = bindingsOf(TINY)

const typeErrors = (text: string): readonly string[] => typeErrorsOf({ 'tiny_talk.ts': bindings, 'user.ts': text })

const given = `
import { TinyTalk, TinyTalkTraining, type TinyTalkBatch, type TinyTalkLayer, type TinyTalkLearned, type TinyTalkLoss, type TinyTalkMetric, type TinyTalkStep } from './tiny_talk.ts'
import type { Device, Plan } from 'smoe/runtime'
import type { Data, MachinePlans } from 'smoe/training'
declare const device: Device
declare const plan: Plan
declare const plans: MachinePlans
declare const data: Data
declare const step: TinyTalkStep
const training = await TinyTalkTraining.start(device, plans, data, { validation: data, validateEvery: 2, saveEvery: 3, signal: AbortSignal.timeout(1), now: () => 0 })
const ids = { shape: [2, 12], data: new Int32Array(24) } as const satisfies TinyTalkBatch['tokens']
const [loss, metric, layer, path] = [(_: TinyTalkLoss): void => {}, (_: TinyTalkMetric): void => {}, (_: TinyTalkLayer): void => {}, (_: TinyTalkLearned): void => {}]
export const used = [TinyTalk, plan, step, training, ids, loss, metric, layer, path]
`

beforeAll(() => {
  typeErrors(given)
}, 120_000)

test('good use compiles', () => {
  const errors = typeErrors(`${given}
    loss('loss.next'); loss('loss.layers.1.moe.router.balance'); metric('metric.accuracy'); layer('layers.0/moe'); path('layers.1.moe.experts.down')
    for await (const event of training.events()) {
      if (event.kind === 'start') event.layers.forEach((one) => layer(one.layer))
      if (event.kind === 'step') {
        const told: TinyTalkStep = event
        const next: number = told.losses['loss.next'] + told.metrics['metric.accuracy']
        const balance: number | undefined = told.losses['loss.layers.0.moe.router.balance']
        told.routing.forEach((one) => layer(one.layer))
        told.competing.forEach(layer)
        console.log(next, balance, told.learningRate)
      }
      if (event.kind === 'validation') console.log(event.losses['loss.next'].toFixed(3))
      if (event.kind === 'checkpoint') console.log((await training.save()).progress.step)
      if (event.kind === 'end') console.log(event.reason)
    }
    const { losses } = await training.evaluate({ tokens: ids, targets: ids })
    const next: number = losses['loss.next']
    const { embed, 'layers.0.moe.experts.gate': gate } = await training.read(['embed', 'layers.0.moe.experts.gate'])
    const values: Float32Array = embed.data
    const [experts, width, rows]: readonly [number, number, number] = gate.shape
    const { head } = await training.read()
    const model = await TinyTalk.load(device, plan, await training.checkpoint())
    export const all = [next, values, experts, width, rows, head.data, model]
    training.dispose()`)
  expect(errors).toEqual([])
})

const wrong: readonly [string, string, RegExp][] = [
  ['the name of a loss', "console.log(step.losses['loss.nxt'])", /Property 'loss\.nxt' does not exist on type/],
  [
    'the name of a loss of a layer',
    "loss('loss.layers.2.moe.router.balance')",
    /is not assignable to parameter of type 'TinyTalkLoss'/,
  ],
  [
    'a loss that a step may be without',
    "console.log(step.losses['loss.layers.0.moe.router.distil'].toFixed(3))",
    /possibly 'undefined'/,
  ],
  ['the name of a metric', "console.log(step.metrics['metric.accurate'])", /Property 'metric\.accurate' does not exist on type/],
  [
    'a metric in the place of a loss',
    "console.log(step.losses['metric.accuracy'])",
    /Property 'metric\.accuracy' does not exist on type/,
  ],
  ['the name of a layer', "layer('layers.2/moe')", /"layers\.2\/moe"' is not assignable to parameter of type/],
  ['the path of a weight', "await training.read(['layers.0.moe.experts.gates'])", /is not assignable to type 'TinyTalkLearned'/],
  [
    'a weight that was not asked for',
    "console.log((await training.read(['embed'])).head)",
    /Property 'head' does not exist on type/,
  ],
  [
    'the rank of a weight',
    "const [a, b, c]: readonly [number, number, number] = (await training.read(['embed'])).embed.shape\nexport { a, b, c }",
    /not assignable to type 'readonly \[number, number, number\]'/,
  ],
  [
    'the class of the values of a batch',
    'await training.evaluate({ tokens: ids, targets: { shape: [2, 12], data: new Float32Array(24) } })',
    /'Float32Array<ArrayBuffer>' is not assignable to type 'Int32Array/,
  ],
  [
    'the rank of a batch',
    'await training.evaluate({ tokens: ids, targets: { shape: [24], data: new Int32Array(24) } })',
    /Source has 1 element\(s\) but target requires 2/,
  ],
  ['a batch that lacks an input', 'await training.evaluate({ tokens: ids })', /Property 'targets' is missing/],
  [
    'the name of an input',
    'await training.evaluate({ tokens: ids, targets: ids, labels: ids })',
    /'labels' does not exist in type 'TinyTalkBatch'/,
  ],
  [
    'what the recipe settles',
    'await TinyTalkTraining.start(device, plans, data, { recipe: plans.recipe })',
    /'recipe' does not exist in type 'TypedTrainingOptions'/,
  ],
]

for (const [name, text, message] of wrong) {
  test(`does not compile with a wrong use of ${name}`, () => {
    const errors = typeErrors(`${given}\n${text}`)
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatch(message)
  })
}

test('imports the packages that it uses and nothing else', () => {
  expect(bindings.match(/from '.*'/g)).toEqual(["from 'smoe/runtime'", "from 'smoe/generation'", "from 'smoe/training'"])
})

test('the same plan gives the same text', () => {
  expect(bindingsOf(TINY)).toBe(bindings)
})

test('without a train block there is nothing of training', () => {
  const text = bindingsOf(STILL)
  expect(text).toBe(generateBindings(planOf(STILL)))
  expect(text).not.toMatch(/train/i)
  // and with one the rest is the same
  expect(bindings.replace(/import .* from 'smoe\/training'\n/, '').startsWith(text.trimEnd())).toBe(true)
})

test('what training alone reads is told apart', () => {
  const { recipe } = graphsOf(TINY)
  const plan = planOf(TINY)
  const apart = { ...plan, weights: plan.weights.filter(({ name }) => !name.startsWith('head')) }
  expect(generateBindings(plan, recipe)).toContain('trainingOnly: [],')
  expect(generateBindings(apart, recipe)).toContain("trainingOnly: ['head'],")
})

test('says how weights are read that a checkpoint calls otherwise', () => {
  expect(bindings).toContain('`TinyTalk.load(device, plan, checkpoint)`')
  expect(bindingsOf(RENAMED)).toContain('`TinyTalk.load(device, weightsByPath(plan), checkpoint)`')
})
