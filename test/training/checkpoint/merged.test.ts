import { expect, test } from 'vitest'
import { memoryCheckpoint } from '../../../runtime/checkpoint/memory.ts'
import { merged } from '../../../training/checkpoint/merged.ts'

const [E, OUT, IN, RANK] = [2, 3, 4, 2]
const values = (count: number, of: (at: number) => number): Float32Array =>
  Float32Array.from({ length: count }, (_, at) => of(at))
const bank = { shape: [E, OUT, IN], data: values(E * OUT * IN, (at) => Math.sin(at)) }
const down = { shape: [E, RANK, IN], data: values(E * RANK * IN, (at) => Math.cos(3 * at)) }
const up = { shape: [E, OUT, RANK], data: values(E * OUT * RANK, (at) => Math.sin(5 * at)) }
const other = { shape: [3], data: Float32Array.of(1, 2, 3) }

const checkpoint = memoryCheckpoint({ bank, 'bank.lora_a': down, 'bank.lora_b': up, other })
const adapters = [{ weight: 'bank', rank: RANK, scale: 0.5 }]

const expected = values(E * OUT * IN, (at) => {
  const [e, row, column] = [Math.floor(at / (OUT * IN)), Math.floor(at / IN) % OUT, at % IN]
  let sum = 0
  for (let r = 0; r < RANK; r++) sum += up.data[(e * OUT + row) * RANK + r] * down.data[(e * RANK + r) * IN + column]
  return bank.data[at] + 0.5 * sum
})

test('any bytes of a weight are those of the sum, rounded once', async () => {
  const file = merged(checkpoint, adapters)
  const bytes = new Uint8Array(expected.buffer)
  for (const [offset, length] of [
    [0, bytes.length],
    [0, 0],
    [20, 44],
    [5, 7],
    [bytes.length - 1, 1],
  ])
    expect(await file.read('bank', offset, length)).toEqual(bytes.slice(offset, offset + length))
})

test('the pair is gone, and other tensors stay as they are', async () => {
  const file = merged(checkpoint, adapters)
  expect([...file.tensors.keys()]).toEqual(['bank', 'other'])
  expect(new Float32Array((await file.read('other', 0, 12)).slice().buffer)).toEqual(other.data)
  expect(merged(checkpoint, [])).toBe(checkpoint)
})

test('a pair that is missing in part is refused', () => {
  expect(() => merged(memoryCheckpoint({ bank, 'bank.lora_a': down }), adapters)).toThrow('lacks bank.lora_b')
})
