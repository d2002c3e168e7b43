import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { place, type Outcome, type Place } from './harness.ts'

const fixture = (name: string): Uint8Array => readFileSync(join('test/fixtures/cases', name))

const there = (files: Readonly<Record<string, string | Uint8Array>> = {}): Place =>
  place({
    'img.smoe': fixture('data-kaggle-label-first/img.smoe'),
    'kaggle.csv': fixture('data-kaggle-label-first/kaggle_label_first.csv'),
    'tok.smoe': fixture('data-nanogpt-bin/tok.smoe'),
    'train.bin': fixture('data-nanogpt-bin/train.bin'),
    'at3999.npy': fixture('data-token-position/at3999.npy'),
    ...files,
  })

const train = ({ smoe }: Place, ...args: readonly string[]): Promise<Outcome> =>
  smoe('train', ...args, '--device', 'reference', '--steps', '1', '--validate-every', '0')

describe('smoe train reads data as it says', () => {
  it('a table whose heading names its first column as the label', async () => {
    const { code, err } = await train(there(), 'img.smoe', '--data', 'kaggle.csv', '--set', 'P=16', '--set', 'C=10')
    expect(code, err).toBe(0)
    expect(err).toContain("note: kaggle.csv: labels are column 1, 'label'\n")
    expect(err).toContain('kaggle.csv: 180 examples, 20 examples for validation')
  })

  it('a table with a heading of numbers, and a column that the user names', async () => {
    const rows = Array.from({ length: 50 }, (_, at) =>
      [at % 10, ...Array.from({ length: 8 }, (_, pixel) => pixel + at)].join(';'),
    )
    const files = { 'numbered.csv': `0;1;2;3;4;5;6;7;8\r\n${rows.join('\r\n')}\r\n` }
    const { code, err } = await train(there(files), 'img.smoe', '--data', 'numbered.csv', '--label', '1', '--set', 'C=10')
    expect(code, err).toBe(0)
    expect(err).toContain(
      'note: numbered.csv: line 1, 0, 1, 2, ... 8, is read as a heading; --heading no reads it as an example\n',
    )
    expect(err).toContain("note: numbered.csv: labels are column 1, '0'\n")
    expect(err).toContain('numbered.csv: 45 examples, 5 examples for validation')
  })

  it('token ids without a header, with the option that the refusal names', async () => {
    const refused = await train(there(), 'tok.smoe', '--data', 'train.bin')
    expect(refused.code).toBe(2)
    expect(refused.err).toContain(
      'smoe: train.bin: is not text: byte 1 is 0; it looks like token ids, 4,000 of u16, the largest 64: --tokens u16 reads it so',
    )
    const { code, err } = await train(there(), 'tok.smoe', '--data', 'train.bin', '--tokens', 'u16')
    expect(code, err).toBe(0)
    expect(err).toMatch(/train\.bin: \d+ examples, \d+ examples for validation/)
  })

  it('the place of a token as that in its file, though it is validated with', async () => {
    const { code, err } = await train(there(), 'tok.smoe', '--data', 'at3999.npy', '--set', 'V=32')
    expect([code, err]).toEqual([
      2,
      expect.stringContaining(
        'at3999.npy: token 3999 is 40, the model expects 0 to 31 as tokens\n  --set V=41 makes a model that takes them',
      ),
    ])
  })

  const rising = new Uint8Array(Uint16Array.from({ length: 1000 }, (_, at) => Math.floor(at / 10)).buffer)
  const text = Array.from({ length: 500 }, (_, at) => String.fromCharCode(32 + ((at * 7) % 82))).join('')
  const tokens = Int32Array.from({ length: 40 }, (_, at) => at % 7)
  const npy = Buffer.concat([
    Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1'),
    Buffer.from("{'descr': '<i4', 'fortran_order': False, 'shape': (4, 10), }".padEnd(117) + '\n'),
    Buffer.from(tokens.buffer),
  ])
  it.each([
    [
      'a text of more characters',
      ['tok.smoe', '--data', 'text.txt'],
      'text.txt has a vocabulary of 82 characters, the model expects tokens below 66\n  --set V=82 makes a model that takes them',
    ],
    ['bytes', ['tok.smoe', '--data', 'text.txt', '--bytes'], '--set V=256 makes a model that takes them'],
    [
      'more labels',
      ['img.smoe', '--data', 'kaggle.csv', '--set', 'P=16'],
      /kaggle\.csv, line \d+, column 1: labels has \d, the model expects 0 to 2\n {2}--set C=10 makes a model that takes them/,
    ],
    [
      'token ids, the largest of which are validated with',
      ['tok.smoe', '--data', 'rising.bin', '--tokens', 'u16'],
      'rising.bin: token 660 is 66, the model expects 0 to 65 as tokens\n  --set V=100 makes a model that takes them',
    ],
    [
      'more pixels',
      ['img.smoe', '--data', 'kaggle.csv', '--set', 'C=10'],
      'the model expects pixels as f32[8], kaggle.csv has pixels f32[16]\n  --set P=16 makes a model that takes them',
    ],
    [
      'rows of another length',
      ['tok.smoe', '--data', 'rows.npy'],
      'S = 9 in the `batch` of its train block makes a model that takes them',
    ],
  ] as const)('%s, with the parameter that would take it', async (_, args, message) => {
    const { code, err } = await train(there({ 'text.txt': text, 'rows.npy': npy, 'rising.bin': rising }), ...args)
    expect(code).toBe(2)
    if (typeof message === 'string') expect(err).toContain(message)
    else expect(err).toMatch(message)
  })

  it.each([
    [
      'readings that exclude each other',
      ['tok.smoe', '--data', 'train.bin', '--tokens', 'u16', '--bytes'],
      /'--bytes' cannot be used with option '--tokens/,
    ],
    [
      'a type that tokens do not have',
      ['tok.smoe', '--data', 'train.bin', '--tokens', 'f32'],
      /Allowed choices are u8, u16, u32, i32, i64/,
    ],
    ['a device', ['tok.smoe', '--data', '/dev/zero'], /\/dev\/zero: is a .*device, not a regular file/],
    [
      'a label of a text',
      ['tok.smoe', '--data', 'at3999.npy', '--label', '1'],
      /at3999\.npy: is an \.npy file, not a table: it has no columns/,
    ],
    [
      'other columns to validate with',
      ['img.smoe', '--data', 'kaggle.csv', '--validation', 'last.csv', '--set', 'P=16', '--set', 'C=10'],
      /last\.csv: has its labels in column 17, kaggle\.csv in column 1/,
    ],
  ] as const)('refuses %s', async (_, args, message) => {
    const last = Array.from({ length: 9 }, (_, row) => [...Array.from({ length: 16 }, (_, at) => at * row), row].join()).join(
      '\n',
    )
    const { code, err } = await train(there({ 'last.csv': last }), ...args)
    expect(code, err).toBe(2)
    expect(err).toMatch(message)
  })
})
