import { expect, test } from 'vitest'
import { characterSpec } from '../support/trained-spec.ts'
import { place } from './harness.ts'

/** Eight experts, of which the last `few` are wanted by every token. */
const spec = (few: number, ...requires: readonly string[]): string =>
  characterSpec({
    steps: 12,
    E: 8,
    before: `policy planted(k: int in 1..E = 2) {
  param gate: f32[E, D]
  let p = softmax(x @ gate.T + where(iota(E) >= E - ${few}, 99.0, 0.0))
  select top k by p
  let w = pick(p, selected)
  weigh w / sum(w, keep = true)
}`,
    route: 'planted(k = 2)',
    requires,
    optimiser: 'sgd(rate = 0.001)',
    batch: 'B = 4, S = 8',
  })

const train = (text: string, ...more: readonly string[]) => {
  const there = place({ 'tiny.smoe': text, 'data.txt': 'abcdefghijkl'.repeat(60) })
  return {
    ...there,
    run: () =>
      there.smoe(
        'train',
        'tiny.smoe',
        '--data',
        'data.txt',
        '--device',
        'reference',
        '--out',
        'run',
        '--validate-every',
        '2',
        ...more,
      ),
  }
}

const count = (text: string, words: string): number => text.split(words).length - 1

test('a collapsed router and a missed requirement are told once on the way and once at the end, with what to try, and on the page', async () => {
  const { run, read } = train(spec(2, 'require balanced within 20%'))
  const { code, err } = await run()
  expect(code, err).toBe(0)
  expect(err).toContain('moe: the load has COLLAPSED onto few experts: the entropy is that of 2 evenly busy experts of 8, ')
  expect(err).toContain('the busiest 2 take 100% of the slots, over the last 12 steps\n')
  expect(err).toContain('moe: experts 0, 1, 2, 3, 4, 5 of 8 DEAD: no token over the last 12 steps\n')
  expect(err).toContain(
    'moe: NOT balanced within 20%: 8 of 8 experts outside of 6.4 to 9.6 slots, 8 in the mean; expert 6 is farthest, 32 slots, 300% off, and so in all of the last 12 steps\n',
  )
  expect(err).toContain(
    '  to try: `require bias balanced at 0.001` in the layer; a loss for balance: `load_balance` of std/losses/balance',
  )
  for (const words of ['COLLAPSED', 'DEAD', 'NOT balanced', 'to try']) expect(count(err, words), words).toBe(2)
  expect(err.indexOf('COLLAPSED')).toBeLessThan(err.indexOf('step 4 '))
  const page = read('run/report.html')!
  const {
    routing: { verdicts },
  } = JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/.exec(page)![1]) as {
    routing: { verdicts: object[] }
  }
  expect(verdicts).toMatchObject([
    {
      layer: 'moe',
      steps: 12,
      dead: [0, 1, 2, 3, 4, 5],
      collapse: { verdict: 'collapsed', level: 1 },
      balance: { missed: 12, shown: { within: 20 } },
    },
  ])
})

test('without validation the end tells it, and a router that is left alone is not spoken of', async () => {
  const { code, err } = await train(spec(2), '--validate-every', '0').run()
  expect(code, err).toBe(0)
  expect(count(err, 'COLLAPSED')).toBe(1)
  expect(err).not.toContain('NOT balanced')
  const healthy = await train(spec(0, 'require balanced within 10000%')).run()
  expect(healthy.code, healthy.err).toBe(0)
  expect(healthy.err).not.toMatch(/COLLAPSED|NOT balanced|to try/)
})
