import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadBars, termsOf } from '../../cli/training/line.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { place, type Place } from './harness.ts'

const SPEC = `
import { swiglu } from "std/experts/swiglu"
import { top_k } from "std/policies/top_k"

model tiny(V: int = 12, D: int = 6, E: int = 3) {
  input tokens: i32[B, S]
  param embed: f32[V, D] = normal(0.5)
  let h = take(embed, tokens)
  let thought = moe(h) {
    experts E of swiglu(F = 4)
    route top_k(k = 2)
  }
  output logits: f32[B, S, V] = (h + thought) @ embed.T
  train {
    input targets: i32[B, S]
    loss next = cross_entropy(logits, targets)
    metric accuracy = accuracy(logits, targets)
    optimiser adamw(rate = 0.01)
    batch B = 2, S = 5
    steps 6
  }
}
`
const there = (): Place => place({
  'tiny.smoe': SPEC, 'plain.smoe': SPEC.replace(/ {2}train \{[\s\S]*?\n {2}\}\n/, ''), 'data.txt': 'abcdefghijkl'.repeat(40),
})

const on = ['--data', 'data.txt', '--device', 'reference'] as const
const whole = ['train', 'tiny.smoe', ...on, '--out', 'whole', '--validate-every', '2'] as const
const checkpoint = (run: string, step: number): string => `${run}/checkpoints/step-${String(step).padStart(8, '0')}.safetensors`

describe('smoe train', () => {
  it('leaves weights, a record and a page, and says where', async () => {
    const { smoe, read, folder } = there()
    const { code, out, err } = await smoe(...whole)
    expect(code, err).toBe(0)
    expect(err).toMatch(/step 6 {6}loss \d/)
    expect(out).toContain(join(folder, checkpoint('whole', 6)))
    const kinds = read('whole/metrics.jsonl')!.trim().split('\n').map((line) => (JSON.parse(line) as { kind: string }).kind)
    expect(kinds.filter((kind) => kind === 'step').length).toBe(6)
    expect(kinds).toContain('validation')
    expect(read('whole/report.html')).toContain('<html')
  })

  it('trains in mixed precision where it is asked to, and goes on in the precision it began with', async () => {
    const { smoe, read } = there()
    const mixed = ['train', 'tiny.smoe', ...on, '--precision', 'mixed', '--out', 'mixed', '--validate-every', '0'] as const
    const { code, err } = await smoe(...mixed)
    expect(code, err).toBe(0)
    const steps = read('mixed/metrics.jsonl')!.trim().split('\n').map((line) => JSON.parse(line) as { kind: string; scale: number }).filter(({ kind }) => kind === 'step')
    expect(steps.map(({ scale }) => scale)).toEqual(Array(6).fill(65536))
    const other = await smoe('train', 'tiny.smoe', ...on, '--resume', 'mixed')
    expect(other.code).not.toBe(0)
    expect(other.err).toContain('precision was "mixed" and is "f32"')
    const refused = await smoe('train', 'tiny.smoe', '--data', 'data.txt', '--device', 'swiftshader', '--precision', 'mixed', '--out', 'none')
    expect(refused.code).not.toBe(0)
    expect(refused.err).toMatch(/SwiftShader.* has no half floats \(shader-f16\)[\s\S]*--precision f32/)
    expect(read('none/metrics.jsonl')).toBeNull()
  }, 120_000)

  it('goes on from a checkpoint to the same bytes', async () => {
    const { smoe, folder } = there()
    await smoe(...whole)
    const { code, err } = await smoe('train', 'tiny.smoe', ...on, '--out', 'resumed', '--resume', checkpoint('whole', 4), '--validate-every', '2')
    expect(code, err).toBe(0)
    const [one, other] = ['whole', 'resumed'].map((run) => readSafetensors(join(folder, checkpoint(run, 6))))
    expect(Object.keys(one).length).toBeGreaterThan(6)
    for (const name of ['embed', 'moe.router.gate', 'first.embed', 'second.moe.experts.down']) expect(other[`state.${name}`] ?? other[name], name).toEqual(one[`state.${name}`] ?? one[name])
  })

  it.each([
    ['a model that does not say how it learns', ['train', 'plain.smoe', ...on], 2, /does not say how it learns/],
    ['data that is not there', ['train', 'tiny.smoe', '--data', 'nowhere.txt', '--device', 'reference'], 2, /nowhere\.txt/],
    ['steps that are none', ['train', 'tiny.smoe', ...on, '--steps', '0'], 2, /whole number from 1/],
    ['a resume of nothing', ['train', 'tiny.smoe', ...on, '--resume', 'nothing'], 5, /no checkpoint|no such|nothing/],
  ] as const)('refuses %s', async (_, args, code, message) => {
    const result = await there().smoe(...args)
    expect(result.code, result.err).toBe(code)
    expect(result.err).toMatch(message)
  })

  it('says where something has no gradient', async () => {
    const text = SPEC.replace('let h = take(embed, tokens)', 'let h = take(embed * sum(svd_values(embed)), tokens)')
    const { code, err } = await place({ 'tiny.smoe': text, 'data.txt': 'abcdefghijkl'.repeat(40) }).smoe('train', 'tiny.smoe', ...on)
    expect(code, err).toBe(1)
    expect(err).toMatch(/SMOE7001[\s\S]*svd has no gradient[\s\S]*tiny\.smoe:8:[\s\S]*stop\(\.\.\.\)/)
  })

  it('refuses a run over another, and to go on otherwise than it began', async () => {
    const { smoe } = there()
    await smoe(...whole)
    expect(await smoe(...whole)).toMatchObject({ code: 5, err: expect.stringMatching(/already holds a run/) })
    expect(await smoe('train', 'tiny.smoe', ...on, '--resume', 'whole', '--seed', '9')).toMatchObject({ code: 5, err: expect.stringMatching(/seed/) })
  })
})

describe('the line of a run', () => {
  it('draws load beside the heaviest expert, and an idle one apart', () => expect(loadBars([8, 0, 4, 1])).toBe('█·▅▂'))

  it('sums terms over layers', () => expect(termsOf({ 'loss.next': 2, 'loss.layers.0.moe.router.z': 0.25, 'loss.layers.1.moe.router.z': 0.5 })).toEqual({ next: 2, z: 0.75 }))
})
