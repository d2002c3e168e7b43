/** `explain --stage route` of policies that train in another way: every form in full, with the values that a `var` has in it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { root } from '../support/sources.ts'
import { place } from './harness.ts'

const MODEL = `import { swiglu } from "std/experts/swiglu"
import { policy_under_test } from "./policy"
model m(D: int = 8, E: int = 4) {
  input x: f32[B, D]
  output y = moe(x) {
    experts E of swiglu(F = 8)
    route policy_under_test()
  }
}
`

/** The numbered lines of each form, under its title. */
async function forms(policy: string): Promise<Readonly<Record<string, readonly string[]>>> {
  const { code, out, err } = await place({ 'policy.smoe': policy, 'm.smoe': MODEL }).smoe('explain', 'm.smoe', '--stage', 'route')
  expect(code, err).toBe(0)
  const found: Record<string, string[]> = {}
  let title = ''
  for (const line of out.split('\n')) {
    const [, step] = /^ +\d+\. (.*)$/.exec(line) ?? []
    if (step === undefined) title = line
    else found[title] = [...(found[title] ?? []), step]
  }
  return found
}

const policy = (body: string): string =>
  `policy policy_under_test(k: int in 1..E = 2, bold: bool = true) {\n  param gate: f32[E, D]\n${body}\n}\n`
const IN_TRAINING = 'in training, in every step, these take the place of the steps at inference:'
const CHOICE = '  let p = softmax(seen @ gate.T)\n  select top k by p\n  weigh pick(p, selected)'

test('a var that training gives another value, without an else', async () => {
  const text = readFileSync(join(root, 'test/fixtures/cases/explain-when-training/threshold.smoe'), 'utf8')
  const found = await forms(text.replace('policy threshold', 'policy policy_under_test'))
  const kept = 'kept: f32[B, min(4, E)] = where((w >= (1.5 / E)) or (iota(min(4, E)) == 0), w, 0)'
  const rest = [
    'selected: i32[B, min(4, E)]: each token chooses the min(4, E) = 4 experts with the largest p; of equals the one with the lower index, NaN last',
    'w: f32[B, min(4, E)] = pick(p, selected)',
    kept,
    "each chosen expert's output is weighted by kept / sum(kept, keep = true)",
    'of those chosen are kept where (w >= (1.5 / E)) or (iota(min(4, E)) == 0); the other slots are dropped: no expert, weight 0',
    'y[t] = sum over the min(4, E) = 4 chosen e that are kept of weight[t, e] * swiglu_e(x[t])',
  ]
  const gate = 'gate: f32[E, D] is a weight, moe.router.gate'
  expect(found).toEqual({
    'at inference:': [gate, 'p: f32[B, E] = softmax((x @ gate.T) / 1)', ...rest],
    [IN_TRAINING]: [
      gate,
      'seen: f32[B, D] = x * (1 + (((uniform([B, D]) * 2) - 1) * 0.01))',
      'p: f32[B, E] = softmax((seen @ gate.T) / 1)',
      ...rest,
    ],
  })
})

describe('what a form tells', () => {
  const told = async (body: string, title = IN_TRAINING): Promise<readonly string[]> =>
    (await forms(policy(body)))[title]
      .filter((line) => /^(seen|p|t|selected|loss)\b/.test(line))
      .map((line) => line.replace(/: each token chooses.*with the largest (\w+);.*/, ' by $1'))

  test('a var in both branches', async () => {
    const body = `  var seen = x\n  when training {\n    seen = seen * 2\n  } else {\n    seen = seen * 3\n  }\n${CHOICE}`
    expect(await told(body)).toEqual([
      'seen: f32[B, D] = x * 2',
      'p: f32[B, E] = softmax(seen @ gate.T)',
      'selected: i32[B, 2] by p',
    ])
    expect(await told(body, 'at inference:')).toEqual([
      'seen: f32[B, D] = x * 3',
      'p: f32[B, E] = softmax(seen @ gate.T)',
      'selected: i32[B, 2] by p',
    ])
  })

  test('a var given anew by several blocks: each value has a name of its own', async () => {
    const body = `  var seen = x + 1\n  when training {\n    seen = seen * 2\n  }\n  when training {\n    seen = seen - 4\n  }\n${CHOICE}`
    expect(await told(body)).toEqual([
      'seen: f32[B, D] = x + 1',
      "seen': f32[B, D] = seen * 2",
      "seen'': f32[B, D] = seen' - 4",
      "p: f32[B, E] = softmax(seen'' @ gate.T)",
      'selected: i32[B, 2] by p',
    ])
    expect(await told(body, 'at inference:')).toEqual([
      'seen: f32[B, D] = x + 1',
      'p: f32[B, E] = softmax(seen @ gate.T)',
      'selected: i32[B, 2] by p',
    ])
  })

  test('choices at compile time, one in the other', async () => {
    const body = `  var seen = x\n  when training {\n    seen = if bold then (if k == 2 then seen * 8 else seen) else x + 5\n  }\n${CHOICE}`
    expect(await told(body)).toEqual([
      'seen: f32[B, D] = x * 8',
      'p: f32[B, E] = softmax(seen @ gate.T)',
      'selected: i32[B, 2] by p',
    ])
  })

  test('a number that differs in training', async () => {
    const body = `  let seen = x\n  var t = 1.0\n  when training {\n    t = 2.5\n  }\n  let p = softmax(seen @ gate.T / t)\n  select top k by p\n  weigh pick(p, selected)`
    expect(await told(body)).toContain('p: f32[B, E] = softmax((x @ gate.T) / 2.5)')
    expect(await told(body, 'at inference:')).toContain('p: f32[B, E] = softmax((x @ gate.T) / 1)')
  })

  test('a selection after a block is that of inference', async () => {
    const body =
      '  let p = softmax(x @ gate.T)\n  when training {\n    select top k by p + uniform([T, E])\n  }\n  select top k by p\n  weigh pick(p, selected)'
    expect((await forms(policy(body)))[IN_TRAINING]).toContain("each chosen expert's output is weighted by pick(p, selected)")
    expect((await forms(policy(body)))[IN_TRAINING].filter((line) => line.startsWith('selected'))[0]).toContain(
      'with the largest p + uniform([B, E])',
    )
  })
})

test('blocks that are drawn for: each alone, and all in one step', async () => {
  const found = await forms(
    policy(`  var seen = x
  when training {
    seen = x * 2
  }
  when training at 0.1, at_most 1 layers a step {
    seen = seen + 3
  }
  when training at 0.2 after 0.5, all layers together {
    loss size = mean(mean(seen))
  }
${CHOICE}`),
  )
  const seen = (lines: readonly string[]): readonly string[] => lines.filter((line) => /^(seen|loss)/.test(line))
  const place = 'these take the place of the steps at inference:'
  expect(Object.entries(found).map(([title, lines]) => [title, seen(lines)])).toEqual([
    ['at inference:', []],
    [`in training, in the other steps, ${place}`, ['seen: f32[B, D] = x * 2']],
    [
      `in training, in a share 0.1 of the steps, in at most 1 layers a step, alone, ${place}`,
      ['seen: f32[B, D] = x * 2', "seen': f32[B, D] = seen + 3"],
    ],
    [
      `in training, in a share 0.2 of the steps, after the first 0.5 of the training, with one draw for all layers, alone, ${place}`,
      ['seen: f32[B, D] = x * 2', 'loss size = mean(mean(seen)), added to the objective in training'],
    ],
    [
      `in training, where both happen in one step, ${place}`,
      [
        'seen: f32[B, D] = x * 2',
        "seen': f32[B, D] = seen + 3",
        "loss size = mean(mean(seen')), added to the objective in training",
      ],
    ],
  ])
})
