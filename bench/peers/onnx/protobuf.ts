/** Protocol buffers, the writing half: a message is a list of fields. */

export type Field =
  | { readonly kind: 'int'; readonly id: number; readonly value: number }
  | { readonly kind: 'text'; readonly id: number; readonly value: string }
  | { readonly kind: 'bytes'; readonly id: number; readonly value: Uint8Array }
  | { readonly kind: 'message'; readonly id: number; readonly value: readonly Field[] }

export const int = (id: number, value: number): Field => ({ kind: 'int', id, value })
export const text = (id: number, value: string): Field => ({ kind: 'text', id, value })
export const bytes = (id: number, value: Uint8Array): Field => ({ kind: 'bytes', id, value })
export const message = (id: number, value: readonly Field[]): Field => ({ kind: 'message', id, value })

const WIRE = { varint: 0, lengthDelimited: 2 } as const

/** Seven bits a byte, the low ones first; a negative number is its 64-bit two's complement. */
function varint(value: number): Uint8Array {
  const out: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  while (rest > 127n) {
    out.push(Number(rest & 127n) | 128)
    rest >>= 7n
  }
  return Uint8Array.of(...out, Number(rest))
}

const key = (id: number, wire: number): Uint8Array => varint(id * 8 + wire)

const sizeOf = (pieces: readonly Uint8Array[]): number => pieces.reduce((all, { length }) => all + length, 0)

const delimited = (id: number, pieces: readonly Uint8Array[]): readonly Uint8Array[] => [
  key(id, WIRE.lengthDelimited),
  varint(sizeOf(pieces)),
  ...pieces,
]

/** Pieces that follow each other: bytes of weights are copied only once, at the end. */
function piecesOf(field: Field): readonly Uint8Array[] {
  switch (field.kind) {
    case 'int':
      return [key(field.id, WIRE.varint), varint(field.value)]
    case 'text':
      return delimited(field.id, [new TextEncoder().encode(field.value)])
    case 'bytes':
      return delimited(field.id, [field.value])
    case 'message':
      return delimited(field.id, field.value.flatMap(piecesOf))
  }
  field satisfies never
}

export function encode(fields: readonly Field[]): Uint8Array {
  const pieces = fields.flatMap(piecesOf)
  const out = new Uint8Array(sizeOf(pieces))
  let at = 0
  for (const piece of pieces) {
    out.set(piece, at)
    at += piece.length
  }
  return out
}
