import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { encodeSafetensors } from '../../../runtime/checkpoint/encode.ts'
import { readData } from '../../../training/files/data.ts'

const folder = mkdtempSync(join(tmpdir(), 'smoe-data-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, contents: string | Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, contents)
  return path
}

test('the end of a name says what it holds', async () => {
  expect(await readData(['test/fixtures/training/digits.csv'])).toMatchObject({ kind: 'rows', count: 60 })
  const rows = await readData(['test/fixtures/training/tokens.npy'])
  expect(rows).toMatchObject({ kind: 'rows', columns: { tokens: Int32Array.of(0, 1, 2, 4, 5, 6, 8, 9, 10), targets: Int32Array.of(1, 2, 3, 5, 6, 7, 9, 10, 11) } })
  const x = { shape: [2, 1], data: Float32Array.of(1, 2) }
  expect(await readData([file('a.safetensors', encodeSafetensors({ x, y: x }))])).toMatchObject({ kind: 'rows', count: 2 })
  expect(await readData([file('a.txt', 'ab'), file('b', 'ba')])).toMatchObject({ kind: 'stream', tokens: Int32Array.of(0, 1, 1, 0) })
  expect(await readData([file('é.bin', 'é')], { kind: 'bytes' })).toMatchObject({ tokens: Int32Array.of(0xc3, 0xa9) })
})

test('what cannot be read is told', async () => {
  await expect(readData([])).rejects.toThrow('no file: is given to learn from')
  await expect(readData(['none.txt'])).rejects.toThrow('none.txt: cannot be read (ENOENT)')
  await expect(readData(['a.csv', 'b.txt'])).rejects.toThrow('b.txt: is text, a.csv is csv; files that are read as one are of one kind')
  await expect(readData([file('bad.safetensors', 'x')])).rejects.toThrow('1 bytes are no safetensors file')
  await expect(readData([file('bad.csv', '1,2\n1\n')])).rejects.toThrow('bad.csv:2: has 1 columns, line 1 has 2')
})
