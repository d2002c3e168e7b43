const BLOCK = 512

export interface TarEntry {
  readonly name: string
  readonly data: Uint8Array
}

const text = (bytes: Uint8Array): string => {
  const end = bytes.indexOf(0)
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end))
}

const octal = (bytes: Uint8Array): number => Number.parseInt(text(bytes).trim() || '0', 8)

function checkSum(header: Uint8Array): number {
  // the field of the sum itself counts as spaces
  return header.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 32 : byte), 0)
}

/** The regular files of a ustar archive. Throws a RangeError where it is cut short or damaged. */
export function* tarEntries(archive: Uint8Array): Generator<TarEntry> {
  for (let at = 0; at + BLOCK <= archive.length;) {
    const header = archive.subarray(at, at + BLOCK)
    if (header.every((byte) => byte === 0)) return
    if (octal(header.subarray(148, 156)) !== checkSum(header)) throw new RangeError(`the tar header at byte ${at} is damaged`)
    const size = octal(header.subarray(124, 136))
    const start = at + BLOCK
    if (start + size > archive.length) throw new RangeError('the tar archive is cut short')
    const kind = header[156]
    if (kind === 0 || kind === 0x30) yield { name: text(header.subarray(0, 100)), data: archive.subarray(start, start + size) }
    at = start + Math.ceil(size / BLOCK) * BLOCK
  }
}
