/** An abort at any moment ends a text, and leaves nothing: what comes next is as if nothing had been before. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { continuer, type ContinuedModel } from '../../../cli/model/open.ts'
import type { Terminal } from '../../../cli/terminal.ts'
import { generate, type GenerationEnd } from '../../../generation/generate.ts'
import { GREEDY } from '../../../generation/sampling.ts'
import { openDevice } from '../../../runtime/node/index.ts'
import { uniform } from '../../support/random.ts'
import { inRun, MORE_IN_LONG } from '../../support/runs.ts'
import { root } from '../../support/sources.ts'

const silent: Terminal = {
  out: () => {},
  err: () => {},
  outHasColor: false,
  errHasColor: false,
  errIsLive: false,
  columns: 100,
  readInput: () => '',
  lines: () => {
    throw new Error('nothing is typed')
  },
  path: (typed) => typed,
}

const [PROMPT, TOKENS] = [150, 40]
const prompt = Int32Array.from({ length: PROMPT }, (_, at) => (at * 37 + 5) % 60)

async function text(
  { sequence }: ContinuedModel,
  signal?: AbortSignal,
): Promise<{ readonly ids: readonly number[]; readonly end: GenerationEnd }> {
  const given = sequence.goBack(0)
  const request = {
    prompt,
    given,
    model: sequence.give,
    sampling: GREEDY,
    seed: 1,
    maxTokens: TOKENS,
    ends: new Set<number>(),
    signal,
  }
  const ids: number[] = []
  const running = generate(request)
  for (let next = await running.next(); ; next = await running.next()) {
    if (next.done === true) return { ids, end: next.value }
    ids.push(next.value.id)
  }
}

test('an abort at random moments', MORE_IN_LONG, async () => {
  const device = await openDevice({ choose: 'cpu', threads: 2 })
  const given = { typed: join(root, 'test/fixtures/checkpoints/mixtral'), weightsAs: 'shipped', spec: { set: [] } } as const
  await continuer(device, silent)(given, PROMPT + TOKENS, async (model) => {
    const start = performance.now()
    const whole = await text(model)
    const duration = performance.now() - start
    expect(whole).toMatchObject({ end: 'length' })
    expect(whole.ids).toHaveLength(TOKENS)
    const next = uniform(11)
    const ends = new Set<GenerationEnd>()
    for (let count = 0; count < inRun({ short: 8, long: 50, whole: 50 }); count++) {
      const stop = new AbortController()
      const timer = setTimeout(() => stop.abort(), next() * duration)
      const { ids, end } = await text(model, stop.signal)
      clearTimeout(timer)
      ends.add(end)
      expect(ids).toEqual(whole.ids.slice(0, ids.length))
      expect(await text(model)).toEqual(whole)
    }
    expect(ends).toContain('aborted')
  })
  device.dispose()
})
