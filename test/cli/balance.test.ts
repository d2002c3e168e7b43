/** What a run says of `require balanced within P%`, and how it ends. */
import { describe, expect, test } from 'vitest'
import { encodeSafetensors } from '../../runtime/checkpoint/encode.ts'
import { readReport } from '../../runtime/routing/text.ts'
import { place, type Place } from './harness.ts'
import { randomWeights } from './weights.ts'

/** Tokens say themselves which expert they want. */
const spec = (first: string, second: string): string => `import { swiglu } from "std/experts/swiglu"

policy wish() {
  let s = x[:, 0:E]
  select top 1 by s
  weigh pick(s, selected)
}

model two(D: int = 4, E: int = 4) {
  input x: f32[T, D]
  let a = moe(x) as a {
    experts E of swiglu(F = 8)
    route wish()
    ${first}
  }
  let b = moe(x) as b {
    experts E of swiglu(F = 8)
    route wish()
    ${second}
  }
  output y = a + b
}
`

/** One token for each wish. */
const wishing = (wishes: readonly number[]): Uint8Array =>
  encodeSafetensors({
    x: {
      shape: [wishes.length, 4],
      data: Float32Array.from(wishes.flatMap((wish) => [0, 1, 2, 3].map((expert) => (expert === wish ? 1 : 0.1)))),
    },
  })

interface There extends Place {
  readonly run: (...args: readonly string[]) => ReturnType<Place['smoe']>
}

async function there(first: string, second: string, wishes: readonly number[]): Promise<There> {
  const text = spec(first, second)
  const own = place({ 'two.smoe': text, 'w.safetensors': await randomWeights(text), 'x.safetensors': wishing(wishes) })
  return {
    ...own,
    run: (...args) => own.smoe('run', 'two.smoe', '--weights', 'w.safetensors', '--in', 'x=x.safetensors', ...args),
  }
}

const EVEN = [0, 1, 2, 3, 3, 2, 1, 0]
const UNEVEN = [0, 1, 2, 3, 0, 0, 1, 0]

const KEPT = 'a: balanced within 5%: 2 slots an expert in the mean, all alike\n'
const MISSED =
  'a: NOT balanced within 5%: 3 of 4 experts outside of 1.9 to 2.1 slots, 2 in the mean; expert 0 is farthest, 4 slots, 100% off\n'

describe.each(['reference', 'cpu'])('on %s', (device) => {
  test('a line for each layer that requires it, and the run is well', async () => {
    const at = await there('require balanced within 5%', '', EVEN)
    expect(await at.run('--device', device)).toMatchObject({ code: 0, out: KEPT })
    expect(await at.run('--device', device, '--strict-routing')).toMatchObject({ code: 0, out: KEPT })
  }, 60_000)

  test('one that is missed is told, and ends with 6 where that is wanted', async () => {
    const at = await there('require balanced within 5%', 'require balanced within 100%', UNEVEN)
    const other = 'b: balanced within 100%: 2 slots an expert in the mean, expert 0 is farthest, 4 slots, 100% off\n'
    expect(await at.run('--device', device, '--out', 'y.safetensors')).toMatchObject({ code: 0, out: MISSED + other })
    const { code, out, err } = await at.run('--device', device, '--strict-routing')
    expect({ code, out }).toEqual({ code: 6, out: MISSED + other })
    expect(err).toMatch(/smoe: a: the load is not as balanced as the model requires\n$/)
    // what is checked is no output
    expect(at.read('y.safetensors')).not.toContain('.selected')
  }, 60_000)
})

test('a report holds it, and is drawn with it', async () => {
  const at = await there('require balanced within 5%', '', UNEVEN)
  const { code, err } = await at.run('--device', 'reference', '--routing', 'report.json')
  expect(code, err).toBe(0)
  const { layers } = readReport(at.read('report.json') ?? '', 'report.json')
  expect(layers.map(({ balance }) => balance)).toEqual([
    { within: 5, mean: 2, farthest: { expert: 0, load: 4, percent: 100 }, outside: [0, 2, 3], least: 0 },
    null,
  ])
  expect((await at.smoe('routing', 'report.json')).out).toContain(MISSED)
})

test('it is checked of routes that are replayed', async () => {
  const at = await there('require balanced within 5%', '', UNEVEN)
  await at.run('--device', 'reference', '--record-routes', 'r.safetensors')
  expect(await at.run('--device', 'reference', '--replay-routes', 'r.safetensors', '--strict-routing')).toMatchObject({
    code: 6,
    out: MISSED,
  })
})

test('programs read it as JSON', async () => {
  const at = await there('require balanced within 5%', '', UNEVEN)
  const { out } = await at.run('--device', 'reference', '--format', 'json')
  expect(JSON.parse(out)).toEqual({
    profile: null,
    differences: [],
    nonFinite: [],
    balance: [
      {
        layer: 'a',
        experts: 4,
        within: 5,
        mean: 2,
        farthest: { expert: 0, load: 4, percent: 100 },
        outside: [0, 2, 3],
        least: 0,
      },
    ],
  })
})

test('a percentage may differ from layer to layer', async () => {
  const text = spec('', '').replace(
    / {2}let a = [\s\S]*output y = a \+ b/,
    `  var h = x
  repeat layers[i] in 0..2 {
    h = h + moe(x) {
      experts E of swiglu(F = 8)
      route wish()
      require balanced within (60 * (i + 1))%
    }
  }
  output y = h`,
  )
  const at = place({ 'two.smoe': text, 'w.safetensors': await randomWeights(text), 'x.safetensors': wishing(UNEVEN) })
  const { code, out } = await at.smoe(
    'run',
    'two.smoe',
    '--weights',
    'w.safetensors',
    '--in',
    'x=x.safetensors',
    '--device',
    'reference',
  )
  expect(code).toBe(0)
  expect(out).toMatch(/^layers\.0\/moe: NOT balanced within 60%.*\nlayers\.1\/moe: balanced within 120%.*\n$/)
})

test('explained, it is said when it is checked', async () => {
  const { code, out } = await place({ 'two.smoe': spec('require balanced within 5%', '') }).smoe(
    'explain',
    'two.smoe',
    '--stage',
    'route',
  )
  expect(code).toBe(0)
  expect(out).toContain(
    'require balanced within 5%: the slots of each expert are within 5% of the mean of all experts: smoe run checks it after every run and reports the result; with --strict-routing it ends with 6 where that is missed\n',
  )
})

test('what no loads can be is refused before anything runs', async () => {
  const text = spec('require balanced within 5%', '').replace('x: f32[T, D]', 'x: f32[6, D]')
  const { code, out } = await place({ 'two.smoe': text }).smoe('check', 'two.smoe')
  expect(code).toBe(1)
  expect(out).toContain('SMOE4004')
  expect(out).toContain(
    '6 tokens with 1 of 4 experts each give an expert 1.5 assignments on average; integers differ from that by at least 33.3%, but only 5% is allowed',
  )
})

test('of so few tokens that no loads are as even, a run says so', async () => {
  const at = await there('require balanced within 5%', '', [0, 1, 2, 3, 0, 1])
  expect((await at.run('--device', 'reference')).out).toMatch(
    /^a: NOT balanced within 5%: .*; loads are whole numbers, 33\.33% off at least with so few slots\n$/,
  )
})

test('without such a requirement there is nothing to be strict about', async () => {
  const at = await there('', '', UNEVEN)
  const { code, out, err } = await at.run('--device', 'reference', '--strict-routing')
  expect({ code, out }).toEqual({ code: 0, out: '' })
  expect(err).toContain('note: --strict-routing finds nothing to check, no layer requires `balanced within P%`\n')
})
