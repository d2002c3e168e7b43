import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { encodeSafetensors } from '../../runtime/checkpoint/encode.ts'
import { randomRows } from '../../runtime/routing/collapse.ts'
import { printReport, readReport } from '../../runtime/routing/text.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { LAYER, place, type Place } from './harness.ts'
import { madeUp } from './routing/reports.ts'

const checkpoint = join(process.cwd(), 'test/fixtures/checkpoints/mixtral')
const reference = join(checkpoint, 'reference.safetensors')

async function mixtral(): Promise<{
  readonly there: Place
  readonly run: (...args: readonly string[]) => ReturnType<Place['smoe']>
}> {
  const there = place()
  await there.smoe('import', checkpoint, '-o', 'mixtral.smoe')
  return {
    there,
    run: (...args) =>
      there.smoe('run', 'mixtral.smoe', '--weights', checkpoint, '--in', `tokens=${reference}:input_ids`, ...args),
  }
}

describe('smoe run', () => {
  test('--routing writes a report and leaves the outputs alone', async () => {
    const { there, run } = await mixtral()
    const { code, err } = await run(
      '--device',
      'reference',
      '--out',
      'out.safetensors',
      '--routing',
      'deep/report.json',
      '--compare',
      reference,
    )
    expect(code, err).toBe(0)
    expect(err).toMatch(/wrote the routing report to deep\/report\.json; smoe routing deep\/report\.json draws it\n/)
    expect(err).toMatch(/wrote logits\[2, 24, 64\] to out\.safetensors\n/)
    const report = readReport(there.read('deep/report.json') ?? '', 'report.json')
    expect(report).toMatchObject({
      model: 'mixtral',
      adapter: 'the reference, f64 on the CPU',
      dims: { B: 2, S: 24 },
      against: null,
    })
    expect(report.layers.map(({ name, experts, tokens, k, kept }) => ({ name, experts, tokens, k, kept }))).toEqual(
      [0, 1].map((at) => ({ name: `layers.${at}/moe`, experts: 8, tokens: 48, k: 2, kept: 96 })),
    )
    expect(report.layers[1].collapse).toEqual([
      {
        weight: 'layers.1.moe.router.gate',
        pearson: expect.any(Number),
        cosine: expect.any(Number),
        random: randomRows(8, 32),
        verdict: 'as random',
      },
    ])
  })

  test('a device routes as the reference does, and its routes are recorded and compared', async () => {
    const { there, run } = await mixtral()
    expect((await run('--device', 'reference', '--record-routes', 'reference.safetensors')).code).toBe(0)
    const { code, err } = await run(
      '--device',
      'cpu',
      '--routing',
      'report.json',
      '--compare-routes',
      'reference.safetensors',
      '--record-routes',
      'device.safetensors',
    )
    expect(code, err).toBe(0)
    const { against, layers } = readReport(there.read('report.json') ?? '', 'report.json')
    expect(against).toBe('reference.safetensors')
    expect(layers.map((layer) => layer.against)).toEqual([0, 1].map(() => ({ changeTop1: 0, changeSet: 0, overlap: 1 })))
    const [a, b] = ['reference', 'device'].map((name) => readSafetensors(join(there.folder, `${name}.safetensors`)))
    expect(b['layers.1/moe.selected']).toEqual(a['layers.1/moe.selected'])
    expect(b['layers.1/moe.weights'].shape).toEqual([48, 2])
  }, 120_000)

  test('what cannot be reported is refused', async () => {
    const { there, run } = await mixtral()
    const onReference = (...args: readonly string[]) => run('--device', 'reference', ...args)
    expect(await onReference('--compare-routes', 'r.safetensors')).toMatchObject({
      code: 2,
      err: 'smoe: --compare-routes needs a report\n  say where to write it with --routing FILE\n',
    })
    expect(await onReference('--routing', 'r.json', '--compare-routes', 'mixtral.sme')).toMatchObject({
      code: 2,
      err: "smoe: there is no file 'mixtral.sme'\n  did you mean 'mixtral.smoe'?\n",
    })
    const other = await onReference('--routing', 'r.json', '--compare-routes', reference)
    expect(other.code).toBe(2)
    expect(other.err).toContain('is not a record of routes')
    expect(there.read('r.json')).toBeNull()
  })

  test('a model without experts has nothing to report', async () => {
    const x = encodeSafetensors({ x: { shape: [3], data: new Float32Array(3) } })
    const plain = place({
      'plain.smoe': 'model plain() {\n  input x: f32[T]\n  output y: f32[T] = x + x\n}\n',
      'x.safetensors': x,
    })
    const { code, err } = await plain.smoe(
      'run',
      'plain.smoe',
      '--in',
      'x=x.safetensors',
      '--routing',
      'r.json',
      '--device',
      'reference',
    )
    expect({ code, failed: err.split('\n').at(-2) }).toEqual({ code: 2, failed: 'smoe: plain has no routed layer' })
  })
})

describe('smoe routing', () => {
  const [a, b] = [1, 2].map((seed) => printReport(madeUp({ layers: 2, experts: 8, tokens: 64, k: 2 }, seed).report))
  const wide = printReport(madeUp({ layers: 2, experts: 16, tokens: 64, k: 2 }, 1).report)
  const files = { 'a.json': a, 'b.json': b, 'wide.json': wide, 'layer.smoe': LAYER, 'none.json': '{}' }

  test('draws a report, a layer of it, and two', async () => {
    const there = place(files)
    const one = await there.smoe('routing', 'a.json')
    expect(one).toMatchObject({ code: 0, err: '' })
    expect(one.out).toMatch(
      /^made_up: 64 tokens, each to 2 of 8 experts; B = 1, S = 64; on no adapter\n\nlayer .*\nlayers\.0\/moe .*\nlayers\.1\/moe .*\n/,
    )
    expect((await there.smoe('routing', 'a.json', '--layer', 'layers.1/moe')).out).toMatch(
      /^layers\.1\/moe: \d+ slots of 64 tokens.*\nthe load is \w+.*\n\nexpert 0 /,
    )
    expect((await there.smoe('routing', 'a.json', 'b.json')).out).toMatch(/^A a\.json: .*\nB b\.json: .*\n\nlayer .*moved/)
  })

  test('writes a page', async () => {
    const there = place(files)
    expect(await there.smoe('routing', 'a.json', 'b.json', '--html', 'pages/r.html')).toEqual({
      code: 0,
      out: '',
      err: 'wrote pages/r.html\n',
    })
    expect(there.read('pages/r.html')).toMatch(/^<!doctype html>\n<html lang="en">[\s\S]*<\/html>\n$/)
  })

  test('gives what it drew as JSON', async () => {
    const there = place(files)
    expect(JSON.parse((await there.smoe('routing', 'a.json', '--format', 'json')).out)).toEqual(JSON.parse(a))
    const { reports, differences } = JSON.parse((await there.smoe('routing', 'a.json', 'b.json', '--format', 'json')).out) as {
      reports: unknown[]
      differences: { name: string; moved: number }[]
    }
    expect(reports).toHaveLength(2)
    expect(differences.map(({ name }) => name)).toEqual(['layers.0/moe', 'layers.1/moe'])
    expect(differences[0].moved).toBeGreaterThan(0)
  })

  const wrong: readonly [string, readonly string[], RegExp][] = [
    ['a file that is not there', ['c.json'], /there is no file 'c\.json'/],
    ['a file that is no JSON', ['layer.smoe'], /layer\.smoe: is no JSON/],
    ['another JSON', ['none.json'], /none\.json: is not a routing report/],
    [
      'a layer that is not there',
      ['a.json', '--layer', 'layers.2/moe'],
      /has no layer 'layers\.2\/moe'\n {2}did you mean 'layers\.\d\/moe'\?/,
    ],
    [
      'reports of different layers',
      ['a.json', 'wide.json'],
      /wide\.json: layers\.0\/moe has 16 experts, layers\.0\/moe of the first report has 8/,
    ],
  ]
  test.each(wrong)('%s is a matter of usage', async (_, args, message) => {
    const { code, out, err } = await place(files).smoe('routing', ...args)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toMatch(message)
  })
})
