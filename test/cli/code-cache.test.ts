import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { commandIn, loadProgram, type LoadedProgram } from '../../cli/code-cache.ts'

let folder = ''
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'smoe-'))))
afterEach(() => rmSync(folder, { recursive: true }))

const program = `const { basename } = require('node:path')
const double = (x) => 2 * x
exports.found = [double(21), basename(__filename), basename(__dirname) !== '', module.exports === exports]
exports.late = () => importModule('node:os')`

const start = (name = 'program-A', command = 'run', directory = join(folder, 'cache')): LoadedProgram => {
  const file = join(folder, `${name}.cjs`)
  writeFileSync(file, program)
  return loadProgram({ program: file, name, directory, command })
}

const caches = (): readonly string[] => readdirSync(join(folder, 'cache')).sort()
const foundIn = ({ exports }: LoadedProgram): unknown => (exports as { readonly found: unknown }).found

test('a second start takes the functions of the first, and computes the same', async () => {
  const first = start()
  expect(first.isCached).toBe(false)
  first.save()
  expect(caches()).toEqual([expect.stringMatching(/^program-A-run-[0-9a-f]+$/)])
  const second = start()
  expect(second.isCached).toBe(true)
  for (const one of [first, second]) expect(foundIn(one)).toEqual([42, 'program-A.cjs', true, true])
  expect(await (second.exports as { readonly late: () => Promise<object> }).late()).toHaveProperty('tmpdir')
})

test('each command has its own, and a program of other contents takes the place of all', () => {
  for (const command of ['run', 'check']) start('program-A', command).save()
  expect(caches()).toHaveLength(2)
  expect(start('program-B').isCached).toBe(false)
  start('program-B').save()
  expect(caches()).toEqual([expect.stringMatching(/^program-B-run-/)])
})

test.each([
  ['a bit is turned', (bytes: Buffer) => bytes.with(bytes.length >> 1, bytes[bytes.length >> 1] ^ 1)],
  ['the end is lost', (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1)],
  ['all but two bytes are lost', (bytes: Buffer) => bytes.subarray(0, 2)],
  ['it is empty', () => Buffer.alloc(0)],
])('without a cache where %s', (_, damage) => {
  start().save()
  const file = join(folder, 'cache', caches()[0])
  writeFileSync(file, damage(readFileSync(file)))
  const again = start()
  expect(again.isCached).toBe(false)
  expect(foundIn(again)).toEqual([42, 'program-A.cjs', true, true])
  again.save()
  expect(start().isCached).toBe(true)
})

test('a directory that cannot be written is no failure', () => {
  const path = join(folder, 'file')
  writeFileSync(path, 'not a directory')
  const one = start('program-A', 'run', path)
  expect(one.isCached).toBe(false)
  expect(one.save).not.toThrow()
  expect(readFileSync(path, 'utf8')).toBe('not a directory')
})

test('the command of a command line', () => {
  expect(commandIn(['--threads', '2', 'run', 'spec.smoe'])).toBe('run')
  expect(commandIn(['../../run', '--version'])).toBe('none')
})
