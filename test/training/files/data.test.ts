import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, expect, test } from 'vitest'
import type { RecipeInput } from '../../../plan/recipe.ts'
import { encodeSafetensors } from '../../../runtime/checkpoint/encode.ts'
import type { Data } from '../../../training/data/data.ts'
import { fit } from '../../../training/data/fit.ts'
import { split } from '../../../training/data/split.ts'
import { readData, type ReadOptions } from '../../../training/files/data.ts'

const folder = mkdtempSync(join(tmpdir(), 'smoe-data-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, contents: string | Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, contents)
  return path
}

test('what a file holds says how it is read, and the end of its name what a text is', async () => {
  expect(await readData(['test/fixtures/training/digits.csv'])).toMatchObject({ kind: 'rows', count: 60 })
  const rows = await readData(['test/fixtures/training/tokens.npy'])
  expect(rows).toMatchObject({
    kind: 'rows',
    columns: { tokens: Int32Array.of(0, 1, 2, 4, 5, 6, 8, 9, 10), targets: Int32Array.of(1, 2, 3, 5, 6, 7, 9, 10, 11) },
  })
  const x = { shape: [2, 1], data: Float32Array.of(1, 2) }
  expect(await readData([file('a.safetensors', encodeSafetensors({ x, y: x }))])).toMatchObject({ kind: 'rows', count: 2 })
  expect(await readData([file('a.txt', 'ab'), file('b', 'ba')])).toMatchObject({
    kind: 'stream',
    tokens: Int32Array.of(0, 1, 1, 0),
  })
  expect(await readData([file('é.bin', 'é')], { vocabulary: { kind: 'bytes' } })).toMatchObject({
    tokens: Int32Array.of(0xc3, 0xa9),
  })
})

test('what cannot be read is told', async () => {
  await expect(readData([])).rejects.toThrow('no file: was given as training data')
  await expect(readData(['none.txt'])).rejects.toThrow('none.txt: cannot be read: there is no such file or directory (ENOENT)')
  await expect(readData([file('a.csv', '1,2'), file('b.txt', '1,2')])).rejects.toThrow(
    /b\.txt: is text, .*a\.csv is a table; files that are read together must be of one kind/,
  )
  await expect(readData([file('b.txt', '1,2')], { table: { label: '1' }, names: ['b'] })).resolves.toMatchObject({ kind: 'rows' })
  await expect(readData([file('bad.safetensors', 'x')])).rejects.toThrow('1 bytes are not a safetensors file')
  await expect(readData([file('bad.csv', '1,2\n1\n')])).rejects.toThrow('bad.csv:2: has 1 columns, line 1 has 2')
})

test('a name that says something else than the file is not believed', async () => {
  const [npy, x] = [readFileSync('test/fixtures/training/tokens.npy'), { shape: [3], data: Int32Array.of(1, 2, 3) }]
  expect(await readData([file('npy.txt', npy)])).toMatchObject({ kind: 'rows', count: 3 })
  expect(await readData([file('st.csv', encodeSafetensors({ x }))])).toMatchObject({ kind: 'stream', tokens: x.data })
  await expect(readData([file('text.npy', 'some text')])).rejects.toThrow('is not an .npy file')
  await expect(readData([file('packed.csv', gzipSync('1,2'))])).rejects.toThrow(
    'packed.csv: is a gzip file, which is not supported; unpack it first',
  )
  await expect(readData([file('packed', gzipSync('1,2'))], { as: 'text' })).rejects.toThrow('packed: is not text: byte')
})

test('an option reads a file as what it looks unlike', async () => {
  const lines = file('a.jsonl', '{"text": "a"}\n')
  await expect(readData([lines])).rejects.toThrow(
    'a.jsonl: is JSON lines, which is not supported; write the text of its rows to a .txt file',
  )
  expect(await readData([lines], { as: 'text' })).toMatchObject({ kind: 'stream', vocabulary: { kind: 'characters' } })
  expect(await readData([file('b.csv', '1,2')], { as: 'bytes' })).toMatchObject({ tokens: Int32Array.from(Buffer.from('1,2')) })
  await expect(readData(['test/fixtures/training/tokens.npy'], { as: 'u16' })).rejects.toThrow(
    'is an .npy file, which declares its own number type',
  )
  await expect(readData(['test/fixtures/training/tokens.npy'], { table: { label: '1' } })).rejects.toThrow(
    'is an .npy file, not a table: it has no columns',
  )
})

test('labels that are all one number were the last column by chance', async () => {
  await expect(readData([file('mnist.csv', '5,9,0\n4,8,0\n')])).rejects.toThrow(
    'mnist.csv: every label is 0: the last column, 3, was taken as the label; choose it with --label',
  )
  expect(await readData([file('mnist.csv', '5,9,0\n4,8,0\n')], { table: { label: '1' } })).toMatchObject({
    columns: { labels: Int32Array.of(5, 4) },
  })
  expect(await readData([file('ones.csv', 'a,label\n5,0\n4,0\n')])).toMatchObject({ count: 2 })
  // a file for each class
  expect(await readData([file('zero.csv', '5,0\n4,0\n'), file('one.csv', '6,1\n')])).toMatchObject({ count: 3 })
})

test('tables of which one has its columns in another order are not joined', async () => {
  const [one, other] = [file('1.csv', 'label,a,b\n0,1,2\n'), file('2.csv', 'label,b,a\n0,1,2\n')]
  await expect(readData([one, other], { names: ['1.csv', '2.csv'] })).rejects.toThrow(
    "2.csv: has other columns than 1.csv: heading 1 of pixels is 'b' instead of 'a'",
  )
  await expect(readData([one, file('3.csv', '1,2,0\n')], { names: ['1.csv', '3.csv'] })).rejects.toThrow(
    '3.csv: has its labels in column 3, 1.csv in column 1; --label names',
  )
  expect(await readData([one, file('4.csv', 'a,b,label\n1,2,0\n')])).toMatchObject({
    columns: { pixels: Float32Array.of(1, 2, 1, 2) },
  })
})

/** The message of data in which one value is too large for a model. */
function refusal(data: Data, inputs: readonly RecipeInput[]): string {
  const { training, validation } = split(data, 0.5)
  const messages = [training, validation].map((part) => {
    try {
      fit(part, inputs, null)
      return ''
    } catch (error) {
      return (error as Error).message
    }
  })
  expect(messages.filter((message) => message !== '')).toHaveLength(1)
  return messages.join('')
}

const sequence: readonly RecipeInput[] = ['tokens', 'targets'].map((name) => ({ name, dtype: 'i32', shape: [2, 4], below: 60 }))
const npy = (type: string, data: ArrayBufferView, shape: string): Uint8Array =>
  Buffer.concat([
    Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1'),
    Buffer.from(`{'descr': '${type}', 'fortran_order': False, 'shape': (${shape}), }`.padEnd(117) + '\n'),
    new Uint8Array(data.buffer),
  ])

/** 100 tokens, the 70th too large, in every kind of file that holds tokens. */
const ids = Array.from({ length: 100 }, (_, at) => (at === 70 ? 77 : 1 + (at % 50)))
const bytes = (data: ArrayBufferView): Uint8Array => new Uint8Array(data.buffer)
const header = Int32Array.from({ length: 256 }, (_, at) => [20240520, 1, 100][at] ?? 0)

const holding: readonly (readonly [string, Uint8Array, ReadOptions, string])[] = [
  ['a.npy', npy('<u2', Uint16Array.from(ids), '100,'), {}, 'token'],
  ['a.safetensors', encodeSafetensors({ ids: { shape: [100], data: Int32Array.from(ids) } }), {}, 'token'],
  ['a.bin', bytes(Uint16Array.from(ids)), { as: 'u16' }, 'token'],
  ['llmc.bin', Buffer.concat([bytes(header), bytes(Uint16Array.from(ids))]), {}, 'token'],
  ['a.dat', Uint8Array.from(ids), { as: 'bytes' }, 'byte'],
]

test.each(holding)('the place of a token is that in its file: %s', async (name, contents, reading, unit) => {
  const path = file(name, contents)
  const inputs = unit === 'byte' ? sequence.map((input) => ({ ...input, below: 60 })) : sequence
  const data = await readData([path], { ...reading, names: [name] })
  if (data.kind === 'stream' && unit === 'byte') {
    // bytes are as many kinds as they are, whatever the file has
    expect(() => fit(data, inputs, null)).toThrow(`${name} has a vocabulary of 256 bytes, the model expects tokens below 60`)
    return
  }
  expect(refusal(data, inputs)).toContain(`${name}: token 70 is 77, the model expects 0 to 59 as tokens`)
  const good = file(
    `good ${name}`,
    name === 'llmc.bin' ? Buffer.concat([bytes(header), bytes(Uint16Array.from(ids, (id) => id % 60))]) : contents,
  )
  if (name !== 'llmc.bin') return
  const both = await readData([good, path], { ...reading, names: ['good', name] })
  expect(refusal(both, inputs)).toContain(`${name}: token 70 is 77`)
})

test('the place of a token is that in its file, after others and across a cut', async () => {
  const fine = file('fine.bin', bytes(Uint16Array.from({ length: 33 }, (_, at) => at)))
  const bad = file('bad.bin', bytes(Uint16Array.from(ids)))
  const names = ['fine.bin', 'bad.bin', 'end.bin']
  const data = await readData([fine, bad, fine], { as: 'u16', names })
  expect(refusal(data, sequence)).toContain('bad.bin: token 70 is 77')
  expect(refusal(await readData([fine, fine, bad], { as: 'u16', names: ['a', 'b', 'c'] }), sequence)).toContain(
    'c: token 70 is 77',
  )
})

test('the place of a value in rows is that in its file', async () => {
  const rows = Int32Array.from({ length: 40 }, (_, at) => (at === 33 ? 99 : at % 30))
  const [path, good] = [
    file('rows.npy', npy('<i4', rows, '8, 5')),
    file(
      'good.npy',
      npy(
        '<i4',
        rows.map((id) => id % 30),
        '8, 5',
      ),
    ),
  ]
  const data = await readData([good, path], { names: ['good.npy', 'rows.npy'] })
  expect(() => fit(data, sequence, null)).toThrow('rows.npy, row 6, column 3: tokens has 99, the model expects 0 to 59')
  const named = await readData(
    [
      file(
        'x.safetensors',
        encodeSafetensors({
          tokens: { shape: [8, 4], data: rows.slice(0, 32).map((_, at) => (at === 30 ? 99 : 1)) },
          targets: { shape: [8, 4], data: new Int32Array(32) },
        }),
      ),
    ],
    { names: ['x'] },
  )
  expect(() => fit(named, sequence, null)).toThrow('x, row 7: tokens[2] has 99')
  const images = await readData([file('p.csv', '1,0\n2,1\n'), file('q.csv', '1,0\n2,3\n')], { names: ['p.csv', 'q.csv'] })
  const pictures: readonly RecipeInput[] = [
    { name: 'pixels', dtype: 'f32', shape: [2, 1], below: null },
    { name: 'labels', dtype: 'i32', shape: [2], below: 3 },
  ]
  expect(() => fit(images, pictures, null)).toThrow('q.csv, line 2, column 2: labels has 3, the model expects 0 to 2')
  expect(refusal(images, pictures)).toContain('q.csv, line 2, column 2: labels has 3')
})
