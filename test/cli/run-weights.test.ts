import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { encodeSafetensors } from '../../runtime/checkpoint/encode.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { tinySpec } from '../support/trained-spec.ts'
import { place, type Outcome, type Place } from './harness.ts'

const SPEC = tinySpec(4)

/** The same model for a checkpoint of other names: a table that training does not write by. */
const RENAMED = SPEC.replace(
  '  train {',
  `  weights {
    embed = "wte.weight"
    moe.router.gate = "router.kernel".T
    moe.experts.gate = "experts.gate_up"[:, :, ::2].T
    moe.experts.up = "experts.gate_up"[:, :, 1::2].T
  }
  train {`,
)

const text = 'abcdefghijkl'.repeat(40)

const there = (files: Readonly<Record<string, string | Uint8Array>> = {}): Place =>
  place({
    'tiny.smoe': SPEC,
    'data.txt': text,
    'prompt.txt': 'badcafe',
    'ids.safetensors': encodeSafetensors({ tokens: { shape: [1, 7], data: Int32Array.of(1, 0, 3, 2, 0, 5, 4) } }),
    ...files,
  })

const train = (one: Place, ...args: readonly string[]): Promise<Outcome> =>
  one.smoe(
    'train',
    'tiny.smoe',
    '--data',
    'data.txt',
    '--device',
    'reference',
    '--validate-every',
    '2',
    '--out',
    'a run',
    ...args,
  )

const run = ({ smoe }: Place, ...args: readonly string[]): Promise<Outcome> =>
  smoe('run', 'tiny.smoe', '--device', 'reference', '--out', 'out.safetensors', ...args)

const logitsIn = ({ folder }: Place): unknown => readSafetensors(join(folder, 'out.safetensors')).logits

describe('weights of a run', () => {
  it('are those of its newest checkpoint, without a word on the rest of it', async () => {
    const one = there()
    expect((await train(one)).code).toBe(0)
    const found: unknown[] = []
    for (const weights of ['a run', 'a run/checkpoints', 'a run/checkpoints/step-00000004.safetensors']) {
      const { code, err } = await run(one, '--weights', weights, '--in', 'tokens=ids.safetensors')
      expect(code, err).toBe(0)
      expect(err).not.toContain('not read')
      if (!weights.endsWith('safetensors'))
        expect(err).toContain('weights of step 4: a run/checkpoints/step-00000004.safetensors\n')
      found.push(logitsIn(one))
    }
    expect(found[1]).toEqual(found[0])
    expect(found[2]).toEqual(found[0])
  })

  it('are read on a device too', async () => {
    const one = there()
    await train(one)
    await run(one, '--weights', 'a run', '--in', 'tokens=prompt.txt')
    cpSync(join(one.folder, 'out.safetensors'), join(one.folder, 'expected.safetensors'))
    const { code, err } = await one.smoe(
      'run',
      'tiny.smoe',
      '--weights',
      'a run',
      '--in',
      'tokens=prompt.txt',
      '--device',
      'cpu',
      '--compare',
      'expected.safetensors',
    )
    expect(code, err).toBe(0)
    expect(err).not.toContain('not read')
  }, 120_000)

  it('stand under their paths, whatever names the spec has for a checkpoint', async () => {
    const one = there()
    await train(one)
    await run(one, '--weights', 'a run', '--in', 'tokens=ids.safetensors')
    const logits = logitsIn(one)
    const other = there({ 'tiny.smoe': RENAMED })
    cpSync(join(one.folder, 'a run'), join(other.folder, 'a run'), { recursive: true })
    const { code, err } = await run(other, '--weights', 'a run', '--in', 'tokens=ids.safetensors')
    expect(code, err).toBe(0)
    expect(logitsIn(other)).toEqual(logits)
  })

  it('are refused where a folder has others, or none', async () => {
    const one = there()
    await train(one)
    cpSync(join(one.folder, 'ids.safetensors'), join(one.folder, 'a run/model.safetensors'))
    expect(await run(one, '--weights', 'a run', '--in', 'tokens=ids.safetensors')).toMatchObject({
      code: 5,
      err: expect.stringContaining(
        "'a run' has model.safetensors and checkpoints of a run\n  say which with the path of the file: a run/model.safetensors or a run/checkpoints/step-00000004.safetensors",
      ),
    })
    rmSync(join(one.folder, 'a run'), { recursive: true })
    mkdirSync(join(one.folder, 'a run/checkpoints'), { recursive: true })
    expect(await run(one, '--weights', 'a run', '--in', 'tokens=ids.safetensors')).toMatchObject({
      code: 5,
      err: expect.stringContaining("the run in 'a run' has no checkpoint"),
    })
  })

  it('are rerouted with their spec', async () => {
    const one = there()
    await train(one)
    expect(await one.smoe('reroute', 'a run', '--device', 'reference')).toMatchObject({
      code: 2,
      err: expect.stringContaining("'a run' is a run of smoe train\n  give its spec with --spec"),
    })
    const { code, out, err } = await one.smoe(
      'reroute',
      'a run',
      '--spec',
      'tiny.smoe',
      '--top-c',
      '2',
      '--calibrate',
      'prompt.txt',
      '--device',
      'reference',
    )
    expect(code, err).toBe(0)
    expect(out).toMatch(/^moe /m)
    expect(err).toContain('weights of step 4: a run/checkpoints/')
  })
})

describe('text as an input', () => {
  it('is read with the vocabulary of the run', async () => {
    const one = there()
    await train(one)
    await run(one, '--weights', 'a run', '--in', 'tokens=ids.safetensors')
    const logits = logitsIn(one)
    const { code, err } = await run(one, '--weights', 'a run', '--in', 'tokens=prompt.txt')
    expect(code, err).toBe(0)
    expect(logitsIn(one)).toEqual(logits)
  })

  it('is read as bytes by a run on bytes, or where that is asked for', async () => {
    const one = there()
    await train(one, '--bytes', '--set', 'V=256')
    const typed = ['--weights', 'a run', '--in', 'tokens=prompt.txt', '--set', 'V=256'] as const
    expect(await run(one, ...typed)).toMatchObject({ code: 0 })
    const logits = logitsIn(one)
    expect(await run(one, ...typed, '--bytes')).toMatchObject({ code: 0 })
    expect(logitsIn(one)).toEqual(logits)
  })

  const npy = (descr: string, data: ArrayBufferView): Uint8Array =>
    Buffer.concat([
      Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1'),
      Buffer.from(`{'descr': '${descr}', 'fortran_order': False, 'shape': (1, 7), }`.padEnd(117) + '\n'),
      new Uint8Array(data.buffer),
    ])

  it('may be token ids of an .npy file as well', async () => {
    const one = there({
      'ids.npy': npy('<i8', BigInt64Array.of(1n, 0n, 3n, 2n, 0n, 5n, 4n)),
      'reals.npy': npy('<f4', new Float32Array(7)),
    })
    await train(one)
    await run(one, '--weights', 'a run', '--in', 'tokens=ids.safetensors')
    const logits = logitsIn(one)
    expect(await run(one, '--weights', 'a run', '--in', 'tokens=ids.npy')).toMatchObject({ code: 0 })
    expect(logitsIn(one)).toEqual(logits)
    expect(await run(one, '--weights', 'a run', '--in', 'tokens=reals.npy')).toMatchObject({
      code: 2,
      err: expect.stringContaining('reals.npy holds reals, i32 is needed'),
    })
  })

  it('is refused where nothing says what its tokens are, and says what would', async () => {
    const one = there({ 'odd.txt': 'ab\nxyz', 'zero.txt': 'a\0b', 'p.zip': Buffer.from('PK\x05\x06\0\0\0\0') })
    await train(one)
    expect(await run(one, '--weights', 'ids.safetensors', '--in', 'tokens=prompt.txt')).toMatchObject({
      code: 2,
      err: expect.stringMatching(
        /prompt\.txt is text, but the weights in 'ids\.safetensors' have no tokenizer\.json beside them, and are not of a run that learned from text.*\n {2}token ids are read from .*--bytes/,
      ),
    })
    const refused = async (file: string): Promise<string> => (await run(one, '--weights', 'a run', '--in', `tokens=${file}`)).err
    expect(await refused('odd.txt')).toContain('odd.txt:1: the character "\\n" (U+000A) is not in the vocabulary of 12')
    expect(await refused('zero.txt')).toContain(
      'zero.txt: is not text: byte 1 is 0; token ids are read from a .npy or .safetensors file',
    )
    expect(await refused('p.zip')).toContain('p.zip is a zip archive, which is not read\n  unpack it first')
    expect(await refused('prompt.txt:x')).toContain("'prompt.txt' is not a .safetensors file: it has no tensor 'x'")
  })
})
