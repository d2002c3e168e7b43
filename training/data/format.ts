/** Detects the format of a file from its first bytes, because file names are unreliable. */

const ascii = (bytes: Uint8Array, from: number, to: number): string => String.fromCharCode(...bytes.subarray(from, to))

const begins =
  (text: string) =>
  (bytes: Uint8Array): boolean =>
    ascii(bytes, 0, text.length) === text

/** The name of the first entry of a zip archive; null for other data. */
function zipEntry(bytes: Uint8Array): string | null {
  if (!begins('PK\x03\x04')(bytes)) return begins('PK\x05\x06')(bytes) ? '' : null
  return bytes.length < 30 ? '' : ascii(bytes, 30, 30 + (bytes[26] | (bytes[27] << 8)))
}

const zipWith =
  (pattern: RegExp) =>
  (bytes: Uint8Array): boolean => {
    const entry = zipEntry(bytes)
    return entry !== null && pattern.test(entry)
  }

/** `{"text": ...}` on each of the first lines, or on the only one. */
function isJsonLines(bytes: Uint8Array, size: number): boolean {
  if (!/^(?:\xef\xbb\xbf)?\s*\{\s*"/.test(ascii(bytes, 0, 64))) return false
  const lines = new TextDecoder().decode(bytes.subarray(0, 2 ** 20)).split(/\r?\n/)
  const whole = size > 2 ** 20 || size > bytes.length ? lines.slice(0, -1) : lines
  return whole.length > 0 && whole.slice(0, 3).every((line) => line.trim() === '' || isObject(line))
}

function isObject(line: string): boolean {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}

/** A safetensors file begins with the length of its header, which is JSON. */
function isSafetensors(bytes: Uint8Array, size: number): boolean {
  if (bytes.length < 10 || bytes[8] !== 0x7b) return false
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)
  return length >= 2n && length <= BigInt(size - 8)
}

/** Token files of llm.c: 256 numbers of 32 bits, the first of which is one of two. */
const llmc =
  (magic: number) =>
  (bytes: Uint8Array): boolean =>
    bytes.length >= 1024 && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) === magic

interface Known {
  readonly is: (bytes: Uint8Array, size: number) => boolean
  /** Its reader. */
  readonly read: 'npy' | 'safetensors' | 'llmc16' | 'llmc32'
}

const KNOWN: readonly Known[] = [
  { is: begins('\x93NUMPY'), read: 'npy' },
  { is: isSafetensors, read: 'safetensors' },
  { is: llmc(20240520), read: 'llmc16' },
  { is: llmc(20240801), read: 'llmc32' },
]

interface Refused {
  readonly is: (bytes: Uint8Array) => boolean
  readonly what: string
  readonly help: string
}

const UNPACK = 'unpack it first'
const ARRAYS = 'save its arrays with safetensors, or each as .npy'
const TEXT = 'write the text of its rows to a .txt file, or their token ids to a .npy file'

const REFUSED: readonly Refused[] = [
  { is: zipWith(/\.npy$/), what: 'an .npz archive', help: ARRAYS },
  {
    is: zipWith(/\.pkl$|\/\.(?:format_version|storage_alignment)$|\/byteorder$/),
    what: 'a file of torch.save',
    help: 'save its tensors with safetensors.torch.save_file',
  },
  { is: zipWith(/^\[Content_Types\]|^xl\/|^_rels\//), what: 'an Office document', help: 'export it as CSV or as text' },
  { is: zipWith(/^/), what: 'a zip archive', help: UNPACK },
  { is: begins('\x1f\x8b'), what: 'a gzip file', help: UNPACK },
  { is: (bytes) => /^BZh[1-9]1AY/.test(ascii(bytes, 0, 8)), what: 'a bzip2 file', help: UNPACK },
  { is: begins('\xfd7zXZ\x00'), what: 'an xz file', help: UNPACK },
  { is: begins('\x28\xb5\x2f\xfd'), what: 'a zstd file', help: UNPACK },
  { is: begins('7z\xbc\xaf\x27\x1c'), what: 'a 7z archive', help: UNPACK },
  { is: (bytes) => ascii(bytes, 257, 262) === 'ustar', what: 'a tar archive', help: UNPACK },
  { is: begins('PAR1'), what: 'a Parquet file', help: TEXT },
  {
    is: (bytes) => begins('ARROW1')(bytes) || begins('FEA1')(bytes) || begins('\xff\xff\xff\xff')(bytes),
    what: 'an Arrow file',
    help: TEXT,
  },
  { is: begins('\x89HDF\r\n\x1a\n'), what: 'an HDF5 file', help: ARRAYS },
  { is: begins('SQLite format 3\0'), what: 'an SQLite database', help: TEXT },
  { is: begins('GGUF'), what: 'a GGUF file', help: 'it has weights, not examples' },
  { is: (bytes) => bytes[0] === 0x80 && bytes[1] >= 2 && bytes[1] <= 5, what: 'a pickle', help: ARRAYS },
  {
    is: begins('MMIDIDX\0\0'),
    what: 'an index of Megatron',
    help: 'its .bin file holds the tokens; --tokens u16 or --tokens i32 reads it',
  },
  {
    is: (bytes) => bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 8 && bytes[3] >= 1 && bytes[3] <= 4 && bytes[4] === 0,
    what: 'an IDX file, as MNIST has them',
    help: ARRAYS,
  },
  { is: begins('\x89PNG'), what: 'a PNG image', help: ARRAYS },
  { is: begins('\xff\xd8\xff'), what: 'a JPEG image', help: ARRAYS },
  { is: begins('%PDF'), what: 'a PDF document', help: 'export its text as UTF-8' },
  { is: (bytes) => begins('\xff\xfe')(bytes) || begins('\xfe\xff')(bytes), what: 'UTF-16 text', help: 'save it as UTF-8' },
]

const JSON_LINES = { what: 'JSON lines', help: `${TEXT}; --text reads it as plain text` }

export type Format =
  | { readonly kind: 'known'; readonly read: Known['read'] }
  | { readonly kind: 'refused'; readonly isText: boolean; readonly what: string; readonly help: string }
  /** The first bytes do not identify the format. */
  | { readonly kind: 'other' }

/** Text may begin with any word, but none of the formats is pure ASCII. */
const isAscii = (bytes: Uint8Array): boolean => bytes.every((byte) => byte > 0 && byte < 128)

/** The format of a file of `size` bytes from its first 4 KiB. */
export function formatOf(bytes: Uint8Array, size = bytes.length): Format {
  const known = KNOWN.find(({ is }) => is(bytes, size))
  if (known !== undefined) return { kind: 'known', read: known.read }
  const refused = isAscii(bytes.subarray(0, 4096)) ? undefined : REFUSED.find(({ is }) => is(bytes))
  if (refused === undefined && isJsonLines(bytes, size)) return { kind: 'refused', isText: true, ...JSON_LINES }
  return refused === undefined ? { kind: 'other' } : { kind: 'refused', isText: false, what: refused.what, help: refused.help }
}
