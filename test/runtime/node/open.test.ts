import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { mayHaveGpu } from '../../../runtime/node/gpu-present.ts'
import { openDevice } from '../../../runtime/node/index.ts'

const withDevices = (files: readonly string[]): string => {
  const root = mkdtempSync(join(tmpdir(), 'smoe-dev-'))
  mkdirSync(join(root, 'dri'))
  files.forEach((file) => writeFileSync(join(root, file), ''))
  return root
}

test.each([
  [[], false],
  [['dri/card0'], false],
  [['dri/renderD128'], true],
  [['nvidia0'], true],
  [['dxg'], true],
])('files of /dev %j: a GPU %s', (files, has) => {
  expect(mayHaveGpu('linux', withDevices(files))).toBe(has)
  expect(mayHaveGpu('darwin', withDevices(files))).toBe(true)
})

test('without /dev/dri there is no GPU', () => expect(mayHaveGpu('linux', join(tmpdir(), 'nowhere'))).toBe(false))

test('cpu, by name and with a number of threads', async () => {
  const device = await openDevice({ choose: 'cpu', threads: 3 })
  expect(device.choice).toMatchObject({ name: 'cpu, 3 threads', reason: 'it was asked for' })
  expect(device.target.runs).toBe('cpu')
  device.dispose()
})

test('auto says which and why', async () => {
  const device = await openDevice()
  expect(device.choice.reason).not.toBe('')
  device.dispose()
})
