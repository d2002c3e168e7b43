/** Mutated checkpoints: safetensors files by bytes and by header, folders by their index, GGUF files by bytes and numbers. */
import { readFileSync } from 'node:fs'
import { createRandom } from '../../cli/random.ts'
import { dtypeRecord, type DTypeName } from '../../runtime/checkpoint/dtypes.ts'
import { encodeSafetensors, headerBytes, type FileData } from '../../runtime/checkpoint/encode.ts'
import { INDEX, SINGLE } from '../../runtime/checkpoint/shards.ts'
import type { Random } from './mutate.ts'

export interface CheckpointMutant {
  readonly index: number
  /** What was done, for messages. */
  readonly edits: readonly string[]
  /** Name -> bytes; a single file is a `model.safetensors` or a `model.gguf`. */
  readonly files: Readonly<Record<string, Uint8Array>>
}

const below = (random: Random, limit: number): number => Math.floor(random() * limit)
const pick = <T>(items: readonly T[], random: Random): T => items[below(random, items.length)]

const reals = (...shape: number[]): FileData => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((all, size) => all * size, 1) }, (_, at) => at / 7),
})

const joined = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]))

/** The bytes from one place to another, replaced. */
const spliced = (bytes: Uint8Array, from: number, to: number, put: Uint8Array): Uint8Array =>
  joined(bytes.subarray(0, from), put, bytes.subarray(to))

/** A file of bytes that count up. */
function counted(...tensors: readonly (readonly [name: string, dtype: DTypeName, ...shape: number[]])[]): Uint8Array {
  const infos = tensors.map(([name, dtype, ...shape]) => ({
    name,
    dtype,
    shape,
    bytes: shape.reduce((all, size) => all * size, dtypeRecord(dtype).bits / 8),
  }))
  return joined(headerBytes(infos), ...infos.map(({ bytes }) => Uint8Array.from({ length: bytes }, (_, at) => at)))
}

/** Codes of 4 bits in words, and their shape. */
function packed(): Uint8Array {
  const bytes = counted(
    ['a.weight_packed', 'I32', 3, 9],
    ['a.weight_scale', 'F16', 3, 3],
    ['a.weight_shape', 'I64', 2],
    ['a.weight_zero_point', 'I32', 1, 3],
  )
  const zeros = 12
  const shape = Uint8Array.from({ length: 16 }, (_, at) => (at === 0 ? 3 : at === 8 ? 70 : 0))
  return spliced(bytes, bytes.length - zeros - 16, bytes.length - zeros, shape)
}

/** Codes and scales. */
const CODED: readonly Uint8Array[] = [
  counted(['a.proj_blocks', 'U8', 2, 3, 1, 16], ['a.proj_scales', 'U8', 2, 3, 1], ['a.proj_bias', 'F32', 2, 3]),
  counted(['a.weight', 'F8_E4M3', 3, 130], ['a.weight_scale_inv', 'F32', 1, 2], ['b.weight', 'BF16', 2, 2]),
  counted(['a.weight', 'I8', 3, 130], ['a.weight_scale', 'BF16', 3, 2], ['a.weight_zero_point', 'I8', 3, 2]),
  packed(),
  counted(['a.weight', 'F8_E4M3', 2, 130, 3], ['a.weight_scale_inv', 'BF16', 2, 2, 1]),
]

const VALID: readonly Uint8Array[] = [
  ...CODED,
  encodeSafetensors({}),
  encodeSafetensors({ a: reals(2) }),
  encodeSafetensors(
    { 'model.embed.weight': reals(4, 3), 'model.norm': reals(3), ids: { shape: [2, 2], data: Int32Array.of(1, -2, 3, 4) } },
    { format: 'pt' },
  ),
  encodeSafetensors(
    { 'é.ü': reals(1, 1, 1, 2), empty: reals(0, 5), scalar: { shape: [], data: Float64Array.of(Math.PI) } },
    { note: 'a "quoted" text\n', other: '' },
  ),
  encodeSafetensors(Object.fromEntries(Array.from({ length: 12 }, (_, at) => [`layers.${at}.w`, reals(at, 2)]))),
]

/** Numbers at which sizes, offsets and their products change what they mean. */
const NUMBERS = [
  '0',
  '1',
  '2',
  '7',
  '8',
  '9',
  '64',
  '255',
  '256',
  '65536',
  '2147483647',
  '2147483648',
  '4294967295',
  '4294967296',
  '9007199254740991',
  '9007199254740993',
  '9223372036854775808',
  '18446744073709551615',
  '18446744073709551616',
  '-1',
  '-0',
  '00',
  '1e3',
  '1.0',
  '0x10',
  'NaN',
  'Infinity',
  'null',
  'true',
  '""',
  '[]',
  '7'.repeat(400),
]

const WORDS = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  '\\u0000',
  '\\ud800',
  '\\u0061',
  'null',
  'true',
  ' ',
  '\n',
  '\t',
  '\u0000',
  '\ufeff',
  '//',
  '"a":',
  '"dtype":',
  '"shape":',
  '"data_offsets":',
  '"__metadata__":',
  '"__proto__":',
  '"constructor":',
  '"F32"',
  '"F4"',
  '"F8_E4M3"',
  '_scale_inv',
  '_scale',
  '_packed',
  '_zero_point',
  '_scales',
  '_blocks',
  '"BF16"',
  '"I64"',
  '"BOOL"',
  '"U64"',
  '"f32"',
  '"toString"',
  '[[',
  '{{',
  '"../a"',
  '"/a"',
  '[0,0]',
  '"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},',
  '"z":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}',
  '[1,'.repeat(200),
  '{"a":'.repeat(200),
  `"${'n'.repeat(5000)}"`,
  `[${'1,'.repeat(80)}1]`,
]

/** Lengths of a header. */
const LENGTHS = [0n, 1n, 7n, 8n, 99n, 100_000_000n, 100_000_001n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]

const noise = (random: Random, length: number): Uint8Array => Uint8Array.from({ length }, () => below(random, 256))

type Edit = (bytes: Uint8Array, random: Random) => Uint8Array

const latin = (text: string): Uint8Array => new TextEncoder().encode(text)

const headerLength = (bytes: Uint8Array): number => {
  const length = bytes.length < 8 ? 0n : new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)
  return length > BigInt(Math.max(0, bytes.length - 8)) ? Math.max(0, bytes.length - 8) : Number(length)
}

/** Changes the text of the header and says its new length. */
function inHeader(bytes: Uint8Array, change: (text: string) => string): Uint8Array {
  const length = headerLength(bytes)
  const text = latin(change(Buffer.from(bytes.subarray(8, 8 + length)).toString('latin1')))
  const prefix = new Uint8Array(8)
  new DataView(prefix.buffer).setBigUint64(0, BigInt(text.length), true)
  return joined(prefix, text, bytes.subarray(8 + length))
}

const TOKEN = /"[^"]*"|-?\d+|[^\s]/g

/** Replaces one token that a pattern finds. */
const tokenAt =
  (pattern: RegExp, put: (found: string, random: Random) => string): Edit =>
  (bytes, random) =>
    inHeader(bytes, (text) => {
      const found = [...text.matchAll(pattern)]
      if (found.length === 0) return text
      const { index, 0: token } = pick(found, random)
      return text.slice(0, index) + put(token, random) + text.slice(index + token.length)
    })

const EDITS: Readonly<Record<string, Edit>> = {
  'a byte': (bytes, random) => (bytes.length === 0 ? bytes : bytes.with(below(random, bytes.length), below(random, 256))),
  'a bit': (bytes, random) => {
    const at = below(random, bytes.length)
    return bytes.length === 0 ? bytes : bytes.with(at, bytes[at] ^ (1 << below(random, 8)))
  },
  'cut short': (bytes, random) => bytes.subarray(0, below(random, bytes.length + 1)),
  'bytes removed': (bytes, random) => {
    const from = below(random, bytes.length)
    return spliced(bytes, from, from + below(random, 20), new Uint8Array(0))
  },
  'bytes inserted': (bytes, random) => {
    const at = below(random, bytes.length + 1)
    return spliced(bytes, at, at, noise(random, 1 + below(random, 20)))
  },
  'a range repeated': (bytes, random) => {
    const [from, length] = [below(random, bytes.length), below(random, 60)]
    return spliced(bytes, from, from, bytes.subarray(from, from + length))
  },
  'another end': (bytes, random) => joined(bytes.subarray(0, below(random, bytes.length + 1)), pick(VALID, random)),
  'a header length': (bytes, random) => {
    const changed = bytes.slice()
    if (changed.length >= 8) new DataView(changed.buffer).setBigUint64(0, pick(LENGTHS, random), true)
    return changed
  },
  'a number': tokenAt(/-?\d+/g, (_, random) => pick(NUMBERS, random)),
  'a token': tokenAt(TOKEN, (_, random) => pick(WORDS, random)),
  'a token beside': tokenAt(TOKEN, (token, random) => token + pick(WORDS, random)),
  'no token': tokenAt(TOKEN, () => ''),
  'a token twice': tokenAt(TOKEN, (token) => token + token),
  spaces: tokenAt(TOKEN, (token, random) => ' \n\t'.repeat(below(random, 4)) + token),
}

interface MutatedFile {
  readonly bytes: Uint8Array
  readonly edits: readonly string[]
}

function mutateBy(all: Readonly<Record<string, Edit>>, valid: Uint8Array, random: Random): MutatedFile {
  const edits = Array.from({ length: 1 + below(random, 3) }, () => pick(Object.keys(all), random))
  return { bytes: edits.reduce((bytes, name) => all[name](bytes, random), valid), edits }
}

const mutateFile = (valid: Uint8Array, random: Random): MutatedFile => mutateBy(EDITS, valid, random)

// from the root of the project, where npm runs scripts
const fixture = (name: string): Uint8Array => readFileSync(`test/fixtures/gguf/${name}.gguf`)

const GGUF: readonly (() => Uint8Array)[] = ['every-type', 'mixtral', 'qwen3_moe', 'deepseek_v3', 'exaone_moe', 'lfm2_moe'].map(
  (name) => () => fixture(name),
)

/** Most edits of a GGUF file are in its header, of about this many bytes. */
const GGUF_HEADER = 3000

/** Writes a number of so many bytes in the place of another. */
const numberAt =
  (size: 1 | 4 | 8): Edit =>
  (bytes, random) => {
    const at = below(random, Math.min(GGUF_HEADER, Math.max(1, bytes.length - size)))
    const number = new Uint8Array(8)
    new DataView(number.buffer).setBigUint64(0, random() < 0.5 ? BigInt(below(random, 300)) : pick(LENGTHS, random), true)
    return bytes.length < size ? bytes : spliced(bytes, at, at + size, number.subarray(0, size))
  }

const GGUF_EDITS: Readonly<Record<string, Edit>> = {
  ...Object.fromEntries(
    ['a bit', 'cut short', 'bytes removed', 'bytes inserted', 'a range repeated'].map((name) => [
      name,
      (bytes, random) => joined(EDITS[name](bytes.subarray(0, GGUF_HEADER), random), bytes.subarray(GGUF_HEADER)),
    ]),
  ),
  'cut in full': EDITS['cut short'],
  'a byte': numberAt(1),
  'a number of 32 bits': numberAt(4),
  'a number of 64 bits': numberAt(8),
}

const SHARDS = ['a-1.safetensors', 'a-2.safetensors'] as const

/** A valid index, of which one entry is another value. */
const MAPS: readonly ((random: Random) => unknown)[] = [
  () => ({ a: SHARDS[0], b: SHARDS[1] }),
  () => ({ a: SHARDS[0] }),
  () => ({ a: SHARDS[1], b: SHARDS[0] }),
  () => ({ a: SHARDS[0], b: 'gone.safetensors' }),
  (random) => ({
    a: SHARDS[0],
    b: pick(
      [
        '../a',
        '/etc/passwd',
        '..',
        '.',
        '',
        'a/b',
        'a\\b',
        '\u0000',
        'x'.repeat(300),
        'x'.repeat(100_000),
        3,
        null,
        [],
        {},
        true,
        NaN,
        '__proto__',
        'constructor',
      ],
      random,
    ),
  }),
  () => Object.fromEntries(Array.from({ length: 3000 }, (_, at) => [`t.${at}`, `s-${at}.safetensors`])),
  () => Object.fromEntries(Array.from({ length: 3000 }, (_, at) => [`t.${at}`, SHARDS[0]])),
  () => ({ ['n'.repeat(1_000_000)]: SHARDS[0] }),
  () => ({}),
  () => [],
  () => null,
  () => 'a',
  () => 7,
]

const TEXTS: readonly ((map: string, random: Random) => string)[] = [
  (map) => `{"metadata": {}, "weight_map": ${map}}`,
  (map) => `{"metadata": {"total_size": NaN, "x": -Infinity}, "weight_map": ${map}}`,
  (map) => `{"weight_map": ${map}, "weight_map": {}}`,
  (map) => map,
  (map) => `\ufeff{"weight_map": ${map}}`,
  (map, random) => `{"weight_map": ${map}}`.slice(0, below(random, 20)),
  (map) => `{"__proto__": {"weight_map": ${map}}}`,
  (map) => `{"weight_map": {"__proto__": "a-1.safetensors", "a": "a-1.safetensors"}, "x": ${map}}`,
  (map) => `{"weight_map": ${map}, "deep": ${'['.repeat(50_000)}${']'.repeat(50_000)}}`,
  (map) => `{"deep": ${'{"a":'.repeat(50_000)}, "weight_map": ${map}}`,
  (map, random) => `{"weight_map": ${map}}`.replace(/[{}:,"]/, () => pick(WORDS, random)),
  () => '',
  () => 'null',
  () => '[]',
  () => '"weight_map"',
  () => 'Infinity',
  () => '\u0000\u0001\u0002',
]

function mutateFolder(random: Random): Omit<CheckpointMutant, 'index'> {
  const shards = { [SHARDS[0]]: encodeSafetensors({ a: reals(2) }), [SHARDS[1]]: encodeSafetensors({ b: reals(3), c: reals(1) }) }
  const text = pick(TEXTS, random)(JSON.stringify(pick(MAPS, random)(random)), random)
  const broken = random() < 0.3 ? pick(SHARDS, random) : null
  const mutated = broken === null ? null : mutateFile(shards[broken], random)
  const single: CheckpointMutant['files'] = random() < 0.15 ? { [SINGLE]: pick(VALID, random) } : {}
  const files = { ...shards, ...(broken === null ? {} : { [broken]: mutated!.bytes }), ...single, [INDEX]: latin(text) }
  return { edits: [`index ${text.slice(0, 60)}`, ...(mutated?.edits ?? [])], files }
}

/** One in so many is a folder with an index. */
const FOLDERS = 50
/** One in so many is a GGUF file. */
const GGUFS = 4

const randomOf = (seed: number, index: number): Random => createRandom(seed + Math.imul(index, 0x9e3779b1))

/** A GGUF file; a function of the seed and the index. */
export function ggufMutant(seed: number, index: number): CheckpointMutant {
  const random = randomOf(seed, index)
  const { bytes, edits } = mutateBy(GGUF_EDITS, pick(GGUF, random)(), random)
  return { index, edits, files: { 'model.gguf': bytes } }
}

/** A checkpoint of any kind; a function of the seed and the index. */
export function checkpointMutant(seed: number, index: number): CheckpointMutant {
  const random = randomOf(seed, index)
  if (index % FOLDERS === FOLDERS - 1) return { index, ...mutateFolder(random) }
  if (index % GGUFS === 0) return ggufMutant(seed, index)
  const { bytes, edits } = mutateFile(pick(VALID, random), random)
  return { index, edits, files: { [SINGLE]: bytes } }
}
