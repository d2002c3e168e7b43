/** Raw token ids without a header, such as `train.bin` of nanoGPT, and token files of llm.c. */
import { DataError } from '../errors.ts'
import type { StreamData } from './data.ts'

/** Bytes of one token, little-endian. */
const WIDTHS = { u8: 1, u16: 2, u32: 4, i32: 4, i64: 8 } as const

export type TokenType = keyof typeof WIDTHS

export const TOKEN_TYPES = Object.keys(WIDTHS) as readonly TokenType[]

const READERS: { readonly [T in TokenType]: (view: DataView, at: number) => number } = {
  u8: (view, at) => view.getUint8(at),
  u16: (view, at) => view.getUint16(at, true),
  u32: (view, at) => view.getUint32(at, true),
  i32: (view, at) => view.getInt32(at, true),
  i64: (view, at) => Number(view.getBigInt64(at, true)),
}

/** Throws a DataError for a partial token at the end, and for a token that does not fit 31 bits. */
export function rawTokens(bytes: Uint8Array, type: TokenType, name: string): StreamData {
  const [width, read] = [WIDTHS[type], READERS[type]]
  if (bytes.length % width !== 0)
    throw new DataError(name, null, `has ${bytes.length} bytes, which is not a whole number of ${type} tokens`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const tokens = Int32Array.from({ length: bytes.length / width }, (_, at) => {
    const token = read(view, at * width)
    if (token >= 0 && token < 2 ** 31) return token
    throw new DataError(name, null, `token ${at} is ${token} as ${type}; tokens are integers from 0 to 2^31 - 1`)
  })
  return { kind: 'stream', name, tokens, vocabulary: null }
}

const HEADER = 1024

/** A token file of llm.c. Throws a DataError if the number of tokens differs from its header. */
export function llmcTokens(bytes: Uint8Array, type: TokenType, name: string): StreamData {
  const count = new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true)
  const have = (bytes.length - HEADER) / WIDTHS[type]
  if (count !== have)
    throw new DataError(name, null, `is a token file of llm.c whose header says ${count} tokens, but ${have} follow`)
  return {
    ...rawTokens(bytes.subarray(HEADER), type, name),
    notes: [`${name}: a token file of llm.c, ${count} tokens of ${type}`],
  }
}

/** The largest token; null if one is negative or the last one is incomplete. */
function largest(bytes: Uint8Array, type: TokenType): number | null {
  try {
    return rawTokens(bytes, type, '').tokens.reduce((most, token) => Math.max(most, token), 0)
  } catch {
    return null
  }
}

/** Larger than any vocabulary in use: data with larger numbers is not token ids of that type. */
const VOCABULARY_BOUND: { readonly [T in TokenType]?: number } = { i64: 2 ** 20, u32: 2 ** 20, u16: 65_000, u8: 200 }

export interface Reading {
  readonly type: TokenType
  readonly tokens: number
  readonly largest: number
}

/** The plausible token types of binary data, the widest first. */
export function asTokens(bytes: Uint8Array): readonly Reading[] {
  return (Object.keys(VOCABULARY_BOUND) as TokenType[]).flatMap((type) => {
    const most = bytes.length === 0 ? null : largest(bytes, type)
    return most === null || most >= VOCABULARY_BOUND[type]! ? [] : [{ type, tokens: bytes.length / WIDTHS[type], largest: most }]
  })
}
