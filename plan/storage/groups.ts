/**
 * Integers in groups, as compressed-tensors publishes them: `int` has codes around 0, `uint` around a zero point of the group.
 * A format is named after its codes and the length of a group. Scales are f32, which holds those of f16 and bf16.
 */
import { leadingFloat, neighbour, type Decoder, type StorageFormat } from './decoder.ts'

const SCALE_BYTES = 4

interface Group {
  readonly bits: 4 | 8
  readonly elements: 32 | 128
  /** Whether a zero point of the group, 0 .. 2^bits - 1, is behind its scale: 16 bits, 256 less the zero point. */
  readonly hasZero: boolean
}

/** A block is the scale, the zero point where there is one, and the codes. */
export const groupHead = ({ hasZero }: Pick<Group, 'hasZero'>): number => SCALE_BYTES + (hasZero ? 2 : 0)

/** What a block has for a zero point. */
export const LESS_ZERO = 256

/** The code less its zero. Without a zero point, codes of 4 bits are 8 more than their number and those of 8 bits signed. */
function centred<I, F>(d: Decoder<I, F>, place: I, group: Group): I {
  const from = groupHead(group)
  const code = group.bits === 4 ? neighbour(d, place, from) : d.byte(d.add(place, d.integer(from)))
  if (group.hasZero) return d.add(code, d.add(d.half(d.integer(SCALE_BYTES)), d.integer(-LESS_ZERO)))
  if (group.bits === 4) return d.add(code, d.integer(-8))
  return d.add(code, d.choose(d.and(code, 0x80), d.integer(-256), d.integer(0)))
}

function formatOf(group: Group): StorageFormat {
  const { bits, elements, hasZero } = group
  return {
    elements,
    bytes: groupHead(group) + (elements * bits) / 8,
    decode: (d, place) => d.times(leadingFloat(d), d.convert(centred(d, place, group))),
    doc: `a scale in f32, ${hasZero ? 'a zero point, ' : ''}then ${elements} codes of ${bits} bits`,
  }
}

export const GROUPS = {
  int4_32: formatOf({ bits: 4, elements: 32, hasZero: false }),
  int4_128: formatOf({ bits: 4, elements: 128, hasZero: false }),
  int8_32: formatOf({ bits: 8, elements: 32, hasZero: false }),
  int8_128: formatOf({ bits: 8, elements: 128, hasZero: false }),
  uint4_32: formatOf({ bits: 4, elements: 32, hasZero: true }),
  uint4_128: formatOf({ bits: 4, elements: 128, hasZero: true }),
  uint8_32: formatOf({ bits: 8, elements: 32, hasZero: true }),
  uint8_128: formatOf({ bits: 8, elements: 128, hasZero: true }),
} as const satisfies Readonly<Record<string, StorageFormat>>

export type GroupFormat = keyof typeof GROUPS
