import { expect, test } from 'vitest'
import { hasWasm } from '../../../runtime/cpu/probe.ts'

const major = Number.parseInt(process.versions.node, 10)

test('what the Node of the test has', () => {
  expect(hasWasm('simd')).toBe(true)
  expect(hasWasm('sharedMemory')).toBe(true)
  expect(hasWasm('memory64')).toBe(major >= 24)
  if (major >= 22) expect(hasWasm('relaxedSimd')).toBe(true)
})
