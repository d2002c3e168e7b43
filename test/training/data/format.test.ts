import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { formatOf } from '../../../training/data/format.ts'

const bytes = (text: string, more = '\0\0\0\0\xff'): Uint8Array => Buffer.from(`${text}${more}`, 'latin1')

/** The beginning of an archive whose first entry is called so. */
function zip(entry: string): Uint8Array {
  const head = Buffer.alloc(30 + entry.length)
  head.write('PK\x03\x04', 'latin1')
  head.writeUInt16LE(entry.length, 26)
  head.write(entry, 30, 'latin1')
  return head
}

test.each([
  [zip('x.npy'), 'an .npz archive'],
  [zip('archive/data.pkl'), 'a file of torch.save'],
  [zip('[Content_Types].xml'), 'an Office document'],
  [zip('readme.txt'), 'a zip archive'],
  [bytes('PK\x05\x06'), 'a zip archive'],
  [gzipSync('some text'), 'a gzip file'],
  [bytes('BZh91AY&SY'), 'a bzip2 file'],
  [bytes('\xfd7zXZ\0'), 'an xz file'],
  [bytes('\x28\xb5\x2f\xfd'), 'a zstd file'],
  [bytes('7z\xbc\xaf\x27\x1c'), 'a 7z archive'],
  [bytes(`${'a'.padEnd(257, '\0')}ustar`), 'a tar archive'],
  [bytes('PAR1\x15\x04'), 'a Parquet file'],
  [bytes('ARROW1'), 'an Arrow file'],
  [bytes('\x89HDF\r\n\x1a\n'), 'an HDF5 file'],
  [bytes('\x80\x04\x95'), 'a pickle'],
  [bytes('\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19'), 'a pickle'],
  [bytes('\0\0\x08\x03\0\0\xea\x60'), 'an IDX file'],
  [bytes('\x89PNG\r\n'), 'a PNG image'],
  [bytes('%PDF-1.7\n%\xe2\xe3'), 'a PDF document'],
  [bytes('\xff\xfea\0b\0', ''), 'UTF-16 text'],
  [bytes('{"text": "one"}\n{"text": "two"}\n', ''), 'JSON lines'],
  [bytes('\xef\xbb\xbf{"text": "one"}', ''), 'JSON lines'],
])('what is not read is known by its first bytes: %#', (file, what) => {
  expect(formatOf(file)).toMatchObject({ kind: 'refused', what: expect.stringContaining(what) as string })
})

test.each([
  'GGUF is a format.',
  'PAR1',
  '%PDF-1.7 is how a document begins',
  'BZh is no word',
  '{ "a" and b }',
  '{"text": "one"}\nand more',
  '[1, 2]\n',
  '{\n  "a": 1\n}\n',
])('a text that begins like another format is a text: %j', (text) => expect(formatOf(bytes(text, '')).kind).toBe('other'))
