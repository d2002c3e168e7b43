/** Blocks on the host against the loops of their published layouts. */
import { expect, it } from 'vitest'
import { FORMAT_NAMES, formatOf, storageIn, storedBytes, type FormatName } from '../../../plan/storage/formats.ts'
import { decodeElements } from '../../../plan/storage/host.ts'
import { dtypeRecord } from '../../../runtime/checkpoint/dtypes.ts'
import { randomStored } from '../../support/stored-weights.ts'

const half = (block: Uint8Array, at: number): number =>
  Number(dtypeRecord('F16').read!(Uint8Array.from(block.subarray(at, at + 2)).buffer)[0])
const signed = (byte: number): number => (byte << 24) >> 24

/** The scales and offsets of 8 groups, of 12 bytes. */
const sixBits = (scales: Uint8Array): readonly (readonly [scale: number, offset: number])[] =>
  Array.from({ length: 8 }, (_, group) =>
    group < 4
      ? [scales[group] & 63, scales[group + 4] & 63]
      : [(scales[group + 4] & 15) | ((scales[group - 4] >> 6) << 4), (scales[group + 4] >> 4) | ((scales[group] >> 6) << 4)],
  )

/** Nibbles of bytes: all lower ones, then all upper ones. */
const nibbles = (bytes: Uint8Array): readonly number[] => [...[...bytes].map((b) => b & 15), ...[...bytes].map((b) => b >> 4)]
const E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6]
const IQ4 = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]

/** Places of 256 elements in rows of 32 that share 32 bytes, four rows at a time. */
const twoBits = (bytes: Uint8Array): readonly number[] =>
  [0, 32].flatMap((start) =>
    [0, 2, 4, 6].flatMap((shift) => [...bytes.subarray(start, start + 32)].map((byte) => (byte >> shift) & 3)),
  )

/** Codes of so many bits behind a scale in f32, less a zero: that of the block, or a constant. */
const integers =
  (bits: 4 | 8, zero: 'of the block' | 'none') =>
  (block: Uint8Array): readonly number[] => {
    const view = new DataView(block.buffer, block.byteOffset)
    const codes = [...block.subarray(zero === 'none' ? 4 : 6)]
    const all = bits === 8 ? codes : codes.flatMap((code) => [code & 15, code >> 4])
    const less = zero === 'of the block' ? 256 - view.getUint16(4, true) : bits === 4 ? 8 : 0
    const number = (code: number): number => (zero === 'none' && bits === 8 ? signed(code) : code)
    return all.map((code) => (number(code) - less) * view.getFloat32(0, true))
  }

/** Format -> the elements of a block, in the order in which the layout is published. */
const LOOPS: { readonly [F in FormatName]?: (block: Uint8Array) => readonly number[] } = {
  q8_0: (block) => [...block.subarray(2)].map((code) => half(block, 0) * signed(code)),
  q4_0: (block) => {
    const codes = [...block.subarray(2)]
    return [...codes.map((code) => code & 15), ...codes.map((code) => code >> 4)].map((code) => half(block, 0) * (code - 8))
  },
  q4_1: (block) => nibbles(block.subarray(4)).map((code) => half(block, 0) * code + half(block, 2)),
  q5_0: (block) => {
    const high = new DataView(block.buffer, block.byteOffset).getUint32(2, true)
    return nibbles(block.subarray(6)).map((code, at) => half(block, 0) * ((code | (((high >>> at) & 1) << 4)) - 16))
  },
  q5_1: (block) => {
    const high = new DataView(block.buffer, block.byteOffset).getUint32(4, true)
    return nibbles(block.subarray(8)).map((code, at) => half(block, 0) * (code | (((high >>> at) & 1) << 4)) + half(block, 2))
  },
  q2_k: (block) =>
    twoBits(block.subarray(16, 80)).map((code, at) => {
      const both = block[at >> 4]
      return half(block, 80) * (both & 15) * code - half(block, 82) * (both >> 4)
    }),
  q3_k: (block) => {
    const packed = block.subarray(96, 108)
    const scales = nibbles(packed.subarray(0, 8)).map(
      (low, i) => (low | (((packed[8 + (i % 4)] >> (2 * (i >> 2))) & 3) << 4)) - 32,
    )
    return twoBits(block.subarray(32, 96)).map((code, at) => {
      const isHigh = (block[at % 32] & (1 << (at >> 5))) !== 0
      return half(block, 108) * scales[at >> 4] * (isHigh ? code : code - 4)
    })
  },
  q4_k: (block) =>
    sixBits(block.subarray(4, 16)).flatMap(([scale, offset], group) =>
      nibbles(block.subarray(16 + 32 * (group >> 1), 48 + 32 * (group >> 1)))
        .slice(32 * (group % 2), 32 * (group % 2) + 32)
        .map((code) => half(block, 0) * scale * code - half(block, 2) * offset),
    ),
  q5_k: (block) =>
    sixBits(block.subarray(4, 16)).flatMap(([scale, offset], group) =>
      nibbles(block.subarray(48 + 32 * (group >> 1), 80 + 32 * (group >> 1)))
        .slice(32 * (group % 2), 32 * (group % 2) + 32)
        .map((code, at) => code + (block[16 + at] & (1 << group) ? 16 : 0))
        .map((code) => half(block, 0) * scale * code - half(block, 2) * offset),
    ),
  iq4_nl: (block) => nibbles(block.subarray(2)).map((code) => half(block, 0) * IQ4[code]),
  iq4_xs: (block) => {
    const high = block[2] | (block[3] << 8)
    return Array.from({ length: 8 }).flatMap((_, group) => {
      const low = (block[4 + (group >> 1)] >> (4 * (group % 2))) & 15
      const scale = (low | (((high >> (2 * group)) & 3) << 4)) - 32
      return nibbles(block.subarray(8 + 16 * group, 24 + 16 * group)).map((code) => half(block, 0) * scale * IQ4[code])
    })
  },
  mxfp4_gguf: (block) => nibbles(block.subarray(1)).map((code) => E2M1[code] * 2 ** (block[0] - 127)),
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
  int4_32: integers(4, 'none'),
  int4_128: integers(4, 'none'),
  int8_32: integers(8, 'none'),
  int8_128: integers(8, 'none'),
  uint4_32: integers(4, 'of the block'),
  uint4_128: integers(4, 'of the block'),
  uint8_32: integers(8, 'of the block'),
  uint8_128: integers(8, 'of the block'),
  mxfp4: (block) => {
    return [...block.subarray(1)].flatMap((byte) => [byte & 15, byte >> 4]).map((code) => E2M1[code] * 2 ** (block[0] - 127))
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
    const error = Math.max(...expected.map((value, at) => Math.abs(got[at] - value)))
    expect(error).toBeLessThanOrEqual(1.2e-7 * largest)
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
