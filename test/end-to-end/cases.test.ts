/**
 * Small specs that once failed, through the commands that a user would run on them: a diagnostic with its place, a warning, or a
 * right result.
 */
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { encodeSafetensors } from '../../runtime/checkpoint/encode.ts'
import { place, type Outcome } from '../cli/harness.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { root } from '../support/sources.ts'

const fixture = (name: string): Uint8Array => readFileSync(join(root, 'test/fixtures/cases', name))

/** A spec on its own, as `m.smoe`, beside other fixtures that it needs. */
const there = (spec: string, beside: readonly string[] = []) =>
  place({ 'm.smoe': fixture(spec), ...Object.fromEntries(beside.map((name) => [basename(name), fixture(name)])) })

const shown = ({ out, err }: Outcome): string => `${out}${err}`

describe('a diagnostic with its place from every command, and nothing else', () => {
  it.each([
    ['internal-errors/and-operator.smoe', 'error[SMOE1013]: `&&` must be written `and`', 'm.smoe:2:12'],
    ['internal-errors/or-operator.smoe', 'error[SMOE1013]: `||` must be written `or`', 'm.smoe:2:12'],
    ['internal-errors/i32-constant.smoe', 'error[SMOE4006]', 'm.smoe:3:18'],
    ['internal-errors/negative-slice.smoe', 'error[SMOE5004]', 'm.smoe:5:21'],
    ['internal-errors/once-uses-tokens.smoe', 'error[SMOE3012]', 'm.smoe:4:18'],
    ['internal-errors/size-over-2-53.smoe', 'error[SMOE4006]', 'm.smoe:1:45'],
    ['sinkhorn-iterations/m.smoe', 'error[SMOE4001]: iterations = 2000 is not in 1..1000', 'm.smoe:8:50'],
  ])('%s', async (spec, message, at) => {
    const made = there(spec)
    for (const args of [
      ['check', 'm.smoe'],
      ['compile', 'm.smoe', '-o', 'plan'],
      ['run', 'm.smoe', '--device', 'reference'],
    ] as const) {
      const outcome = await made.smoe(...args)
      expect(outcome.code, args.join(' ')).toBe(1)
      expect(shown(outcome), args.join(' ')).toContain(message)
      expect(shown(outcome), args.join(' ')).toContain(at)
    }
    expect(made.read('plan')).toBeNull()
  })
})

describe('names that JavaScript gives a meaning of its own', () => {
  it.each([
    ['internal-errors/dim-named-tostring.smoe', 'x'],
    ['internal-errors/input-named-constructor.smoe', 'constructor'],
  ])('%s', async (spec, input) => {
    const made = place({
      'm.smoe': fixture(spec),
      'in.safetensors': encodeSafetensors({ x: { shape: [2, 8], data: Float32Array.from({ length: 16 }, (_, at) => at) } }),
    })
    expect(await made.smoe('check', 'm.smoe')).toMatchObject({ code: 0 })
    expect(await made.smoe('compile', 'm.smoe', '-o', 'm.plan.json')).toMatchObject({ code: 0 })
    const { code, err } = await made.smoe(
      'run',
      'm.smoe',
      '--in',
      `${input}=in.safetensors:x`,
      '--device',
      'reference',
      '--out',
      'out.safetensors',
    )
    expect(code, err).toBe(0)
    expect([...readSafetensors(join(made.folder, 'out.safetensors')).y.values].map(Number)).toEqual(
      Array.from({ length: 16 }, (_, at) => 2 * at),
    )
  })
})

it('a router that no gradient reaches has a warning in check, explain and train', async () => {
  const made = there('top-1-renormalised/m.smoe', ['top-1-renormalised/d.safetensors'])
  const commands = [
    ['check', 'm.smoe'],
    ['explain', 'm.smoe', '--stage', 'train'],
    ['train', 'm.smoe', '--data', 'd.safetensors', '--device', 'reference', '--split', '0', '--steps', '2'],
  ] as const
  for (const args of commands) {
    const outcome = await made.smoe(...args)
    expect(outcome.code, `${args.join(' ')}: ${outcome.err}`).toBe(0)
    expect(shown(outcome), args.join(' ')).toContain(
      'warning[SMOE7002]: the gradient of layers.0.moe.router.gate, layers.1.moe.router.gate is always 0',
    )
  }
  const two = await made.smoe('check', 'm.smoe', '--set', 'k=2')
  expect(two.code).toBe(0)
  expect(shown(two)).not.toContain('SMOE7002')
})

it.each(['lets-2e3', 'repeat-1000', 'shared-100'])('the large graph %s is in order', async (name) => {
  expect(await there(`large-graphs/${name}.smoe`).smoe('check', 'm.smoe')).toMatchObject({ code: 0 })
})
