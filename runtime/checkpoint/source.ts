import { CheckpointError } from '../errors.ts'

/** Bytes that can be read by range: a file, a blob, an address. */
export interface ByteSource {
  readonly name: string
  readonly size: number
  /** Exactly `length` bytes. Throws a CheckpointError where they are not to be had. */
  readonly read: (offset: number, length: number) => Promise<Uint8Array>
  readonly close: () => Promise<void>
}

/** Opens something from a source, which stays open; the source is closed if that fails. */
export async function orClose<T>(source: Pick<ByteSource, 'close'>, make: () => Promise<T>): Promise<T> {
  try {
    return await make()
  } catch (error) {
    await source.close()
    throw error
  }
}

const stay = async (): Promise<void> => {}

function checkRange(name: string, size: number, offset: number, length: number): void {
  if (offset < 0 || length < 0 || offset + length > size) {
    throw new CheckpointError(name, `bytes ${offset} to ${offset + length} are not in its ${size}`)
  }
}

/** Bytes in memory; what is read is a view of them. */
export function bytesSource(bytes: ArrayBuffer | Uint8Array, name = 'memory'): ByteSource {
  // a Buffer is a Uint8Array whose slice() does not copy
  const view =
    bytes instanceof Uint8Array ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : new Uint8Array(bytes)
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    checkRange(name, view.length, offset, length)
    return view.subarray(offset, offset + length)
  }
  return { name, size: view.length, read, close: stay }
}

/** A blob, such as a file that a person picked in a browser. */
export function blobSource(blob: Blob, name = 'blob'): ByteSource {
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    checkRange(name, blob.size, offset, length)
    return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer())
  }
  return { name, size: blob.size, read, close: stay }
}

/** A URL whose server supports range requests. Throws a CheckpointError if it does not. */
export async function urlSource(url: string, get: typeof fetch = fetch): Promise<ByteSource> {
  const ask = async (range: string): Promise<Response> => {
    const response = await get(url, { headers: { Range: range } }).catch((error: unknown) => {
      throw new CheckpointError(url, `cannot be reached: ${String(error)}`)
    })
    if (response.status === 206) return response
    await response.body?.cancel()
    throw new CheckpointError(url, response.ok ? 'the server does not answer ranges' : `the server answers ${response.status}`)
  }
  const first = await ask('bytes=0-0')
  await first.arrayBuffer()
  const size = Number(/\/(\d+)$/.exec(first.headers.get('content-range') ?? '')?.[1])
  if (!Number.isSafeInteger(size)) throw new CheckpointError(url, 'the server does not say how long it is')
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    checkRange(url, size, offset, length)
    if (length === 0) return new Uint8Array(0)
    const bytes = new Uint8Array(await (await ask(`bytes=${offset}-${offset + length - 1}`)).arrayBuffer())
    if (bytes.length !== length) throw new CheckpointError(url, `${bytes.length} of ${length} bytes at ${offset} came`)
    return bytes
  }
  return { name: url, size, read, close: stay }
}
