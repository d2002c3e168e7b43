import { expect, test } from 'vitest'
import { LAYER, place } from './harness.ts'

test('a spec in order', async () => {
  expect(await place({ 'layer.smoe': LAYER }).smoe('check', 'layer.smoe')).toEqual({
    code: 0,
    out: '',
    err: 'no mistakes in 1 file\n',
  })
})

test('a mistake is framed on stdout and counted on stderr', async () => {
  const { code, out, err } = await place({ 'layer.smoe': LAYER.replace('top_k(k = k)', 'top_q(k = k)') }).smoe(
    'check',
    'layer.smoe',
  )
  expect(code).toBe(1)
  expect(out).toMatch(/SMOE2\d\d\d/)
  expect(out).toContain('layer.smoe:9')
  expect(out).toContain('top_k')
  expect(err).toBe('1 error in 1 file\n')
})

test('as JSON, with places that count from 1', async () => {
  const { code, out } = await place({ 'layer.smoe': LAYER.replace('top_k(k = k)', 'top_q(k = k)') }).smoe(
    'check',
    'layer.smoe',
    '--format',
    'json',
  )
  expect(code).toBe(1)
  const [diagnostic] = JSON.parse(out) as readonly object[]
  expect(diagnostic).toMatchObject({ severity: 'error', path: 'layer.smoe', start: { line: 9, column: 11 }, end: { line: 9 } })
})

test('from standard input', async () => {
  expect((await place({}, LAYER).smoe('check', '-')).code).toBe(0)
})

test('values are set before ranges are judged', async () => {
  const { code, out } = await place({ 'layer.smoe': LAYER }).smoe('check', 'layer.smoe', '--set', 'E=4', '--set', 'k=5')
  expect(code).toBe(1)
  expect(out).toMatch(/SMOE4\d\d\d/)
})

test('imports are found beside the file, and above its folder where --root allows that', async () => {
  const route =
    'policy top_k(k: int in 1..E = 2) {\n  param gate: f32[E, D]\n  let p = x @ gate.T\n  select top k by p\n  weigh softmax(pick(p, selected))\n}\n'
  const files = {
    'specs/main.smoe': LAYER.replace('"std/policies/top_k"', '"./mine/route"'),
    'specs/above.smoe': LAYER.replace('"std/policies/top_k"', '"../mine/route"'),
    'specs/mine/route.smoe': route,
    'mine/route.smoe': route,
  }
  const there = place(files)
  expect(await there.smoe('check', 'specs/main.smoe')).toMatchObject({ code: 0, out: '' })
  expect(await there.smoe('check', 'specs/above.smoe', '--root', '.')).toMatchObject({ code: 0, out: '' })
  const refused = await there.smoe('check', 'specs/above.smoe')
  expect(refused.code).toBe(1)
  expect(refused.out).toContain('SMOE2004')
})

test('random bytes and deep nesting end in diagnostics', async () => {
  const bytes = String.fromCharCode(...Array.from({ length: 500 }, (_, at) => (at * 7919) % 256))
  const there = place({ 'bytes.smoe': bytes, 'deep.smoe': `model m() { output y: f32[1] = ${'('.repeat(100_000)}` })
  for (const file of ['bytes.smoe', 'deep.smoe']) {
    const { code, err } = await there.smoe('check', file)
    expect(code).toBe(1)
    expect(err).not.toContain('internal error')
  }
})

const TRAINED = `${LAYER.trimEnd().replace(/\}$/, '')}
  train {
    loss size = mean(mean(y * y))
    optimiser sgd(rate = 0.1)
    batch T = 4
  }
}
`

test.each([
  [
    'a reserved word as the name of a policy',
    'policy fn(k: int in 1..E = 2) {\n  param gate: f32[E, D]\n  let p = x @ gate.T\n  select top k by p\n  weigh pick(p, selected)\n}\n',
  ],
  [
    'a statement that is not one',
    'policy other(k: int in 1..E = 2) {\n  param then: f32[E, D]\n  select top k by x @ then.T\n  weigh 1\n}\n',
  ],
  ['a character without a meaning', 'fn f(x: f32[N]) -> f32[N] {\n  return x $ 1\n}\n'],
])('%s in a spec that learns is reported, and the model is not lowered', async (_, declaration) => {
  const own = TRAINED.replace(/^model/m, `${declaration}model`).replace(
    'top_k(k = k)',
    declaration.startsWith('policy fn') ? 'fn(k = k)' : 'other(k = k)',
  )
  const { code, out, err } = await place({ 'layer.smoe': own }).smoe('check', 'layer.smoe')
  expect(code, err).toBe(1)
  expect(out).toMatch(/SMOE1\d\d\d/)
})

test('a spec that learns is in order', async () => {
  expect((await place({ 'layer.smoe': TRAINED }).smoe('check', 'layer.smoe')).code).toBe(0)
})
