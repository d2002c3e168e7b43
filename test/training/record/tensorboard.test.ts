import { expect, test } from 'vitest'
import { eventFileName, tfRecord, fileHeader, masked, eventRecord } from '../../../training/record/tensorboard.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

test('the checksum of a length is that of every file that begins with its version', () => {
  // 24 bytes: a time and `brain.Event:2`
  expect(hex(tfRecord(new Uint8Array(24))).slice(0, 24)).toBe('1800000000000000a37f4b22')
  expect(masked(0xe3069283)).toBe((((0xe3069283 >>> 15) | (0xe3069283 << 17)) + 0xa282ead8) >>> 0)
})

test('a file begins with its version', () => {
  const bytes = fileHeader(1.5)
  expect(hex(bytes.subarray(12, 36))).toBe('09000000000000f83f1a0d627261696e2e4576656e743a32')
  expect(bytes.length).toBe(40)
  expect(hex(bytes.subarray(0, 12))).toBe('1800000000000000a37f4b22')
})

test('a record holds time, step and each scalar', () => {
  const bytes = eventRecord(2, 300, [
    { tag: 'loss/total', value: 0.5 },
    { tag: 'é', value: -1 },
  ])
  const wanted = [
    '090000000000000040',
    '10ac02',
    '2a1e',
    '0a11',
    '0a0a6c6f73732f746f74616c',
    '150000003f',
    '0a09',
    '0a02c3a9',
    '15000080bf',
  ].join('')
  expect(hex(bytes.subarray(12, -4))).toBe(wanted)
  expect(hex(tfRecord(bytes.subarray(12, -4)))).toBe(hex(bytes))
  expect(eventRecord(2, 3, []).length).toBe(0)
})

test('numbers of any size are written as varints', () => {
  const steps = [0, 127, 128, 16384, 2 ** 31, 2 ** 40]
  expect(steps.map((step) => hex(eventRecord(0, step, [{ tag: '', value: 0 }]).subarray(12 + 10)).replace(/2a.*$/, ''))).toEqual([
    '00',
    '7f',
    '8001',
    '808001',
    '8080808008',
    '808080808020',
  ])
})

test('a file is called as TensorBoard looks for it', () => {
  expect(eventFileName(1700000000.7)).toBe('events.out.tfevents.1700000000.smoe')
})
