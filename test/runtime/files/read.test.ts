import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openCheckpoint } from '../../../runtime/checkpoint/files.ts'
import { openRegular, readRegular, readRegularSync } from '../../../runtime/files/index.ts'
import { readData } from '../../../training/files/data.ts'

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'smoe-read-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  execFileSync('mkfifo', [join(path, 'fifo')])
  return path
}

test('FIFOs, devices and directories are refused at once', async () => {
  const there = folder()
  for (const [path, kind] of [
    [join(there, 'fifo'), 'FIFO'],
    ['/dev/zero', 'character device'],
    ['/dev/tty', 'character device'],
    [there, 'directory'],
  ]) {
    const why = `is a ${kind}, not a regular file`
    await expect(openRegular(path)).rejects.toThrow(why)
    await expect(readRegular(path)).rejects.toThrow(why)
    expect(() => readRegularSync(path, 10)).toThrow(why)
    await expect(readData([path])).rejects.toThrow(why)
    if (kind !== 'directory') await expect(openCheckpoint(path)).rejects.toThrow(why)
  }
})

test('no more of a file is read than asked for, and all of one whose size is not known before', () => {
  const there = folder()
  writeFileSync(join(there, 'sparse'), 'begin')
  truncateSync(join(there, 'sparse'), 2 ** 33)
  expect(readRegularSync(join(there, 'sparse'), 7).toString()).toBe('begin\0\0')
  expect(readRegularSync('/proc/self/status', 2 ** 20).toString()).toMatch(/^Name:/)
})
