/** Blocks on the host against the loops of their published layouts. */
import { expect, it } from 'vitest'
import { FORMAT_NAMES, formatOf, storageIn, storedBytes, type FormatName } from '../../../plan/storage/formats.ts'
import { decodeElements } from '../../../plan/storage/host.ts'
import { dtypeRecord } from '../../../runtime/checkpoint/dtypes.ts'
import { randomStored } from '../../support/stored-weights.ts'

const half = (block: Uint8Array, at: number): number =>
  Number(dtypeRecord('F16').read!(Uint8Array.from(block.subarray(at, at + 2)).buffer)[0])
const signed = (byte: number): number => (byte << 24) >> 24

/** Format -> the elements of a block, in the order in which the layout is published. */
const LOOPS: { readonly [F in FormatName]?: (block: Uint8Array) => readonly number[] } = {
  q8_0: (block) => [...block.subarray(2)].map((code) => half(block, 0) * signed(code)),
  q4_0: (block) => {
    const codes = [...block.subarray(2)]
    return [...codes.map((code) => code & 15), ...codes.map((code) => code >> 4)].map((code) => half(block, 0) * (code - 8))
  },
  q4_k: (block) => {
    const values: number[] = []
    const scales = block.subarray(4, 16)
    for (let group = 0; group < 8; group++) {
      const [scale, offset] =
        group < 4
          ? [scales[group] & 63, scales[group + 4] & 63]
          : [(scales[group + 4] & 15) | ((scales[group - 4] >> 6) << 4), (scales[group + 4] >> 4) | ((scales[group] >> 6) << 4)]
      for (let at = 0; at < 32; at++) {
        const byte = block[16 + 32 * (group >> 1) + at]
        values.push(half(block, 0) * scale * (group % 2 === 0 ? byte & 15 : byte >> 4) - half(block, 2) * offset)
      }
    }
    return values
  },
  q6_k: (block) => {
    const values = new Array<number>(256)
    for (let n = 0; n < 2; n++)
      for (let l = 0; l < 32; l++) {
        const [a, b, h] = [block[64 * n + l], block[64 * n + l + 32], block[128 + 32 * n + l]]
        const codes = [
          (a & 15) | ((h & 3) << 4),
          (b & 15) | (((h >> 2) & 3) << 4),
          (a >> 4) | (((h >> 4) & 3) << 4),
          (b >> 4) | ((h >> 6) << 4),
        ]
        codes.forEach((code, row) => {
          const scale = signed(block[192 + 8 * n + 2 * row + (l >> 4)])
          values[128 * n + 32 * row + l] = half(block, 208) * scale * (code - 32)
        })
      }
    return values
  },
  mxfp4: (block) => {
    const table = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6]
    return [...block.subarray(1)].flatMap((byte) => [byte & 15, byte >> 4]).map((code) => table[code] * 2 ** (block[0] - 127))
  },
  fp8_128: (block) => {
    const scale = new DataView(block.buffer, block.byteOffset).getFloat32(0, true)
    return [...block.subarray(4)].map((code) => {
      const [exponent, fraction] = [(code >> 3) & 15, code & 7]
      const size = exponent === 0 ? fraction * 2 ** -9 : (8 + fraction) * 2 ** (exponent - 10)
      return (code & 0x80 ? -size : size) * scale
    })
  },
}

const blocks = FORMAT_NAMES.filter((format) => formatOf(format).elements > 1)

it.each(blocks)('%s', (format) => {
  const { elements, bytes } = formatOf(format)
  const { bytes: codes, values } = randomStored(format, [40 * elements], 3)
  for (let block = 0; block < 40; block++) {
    const expected = LOOPS[format]!(codes.subarray(block * bytes, (block + 1) * bytes))
    const got = values.subarray(block * elements, (block + 1) * elements)
    const largest = Math.max(...expected.map(Math.abs))
    got.forEach((value, at) => expect(Math.abs(value - expected[at])).toBeLessThanOrEqual(1.2e-7 * largest))
  }
})

it('rows that do not end with a block begin with one', () => {
  const storage = storageIn('q8_0', 40)
  expect(storage).toEqual({ format: 'q8_0', row: 40 })
  expect(storedBytes(storage, 120)).toBe(3 * 2 * 34)
  const { bytes, values } = randomStored('q8_0', [3, 40], 5)
  const whole = decodeElements({ format: 'q8_0' }, bytes, 192)
  for (const row of [0, 1, 2]) expect(values.subarray(40 * row, 40 * row + 40)).toEqual(whole.subarray(64 * row, 64 * row + 40))
})
