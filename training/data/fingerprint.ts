/** Fingerprints of datasets. */
import type { HostArray } from '../../runtime/tensors.ts'
import { crc32c } from '../../plan/crc32c.ts'
import type { Data } from './data.ts'

const sum = (arrays: readonly HostArray[]): string =>
  arrays
    .reduce((before, { buffer, byteOffset, byteLength }) => crc32c(new Uint8Array(buffer, byteOffset, byteLength), before), 0)
    .toString(16)
    .padStart(8, '0')

/** Identifies a dataset by kind, count and checksum, independent of file names. */
export const fingerprint = (data: Data): string =>
  data.kind === 'stream'
    ? `${data.tokens.length} tokens, ${sum([data.tokens])}`
    : `${data.count} rows, ${sum(data.fields.map(({ name }) => data.columns[name]))}`
