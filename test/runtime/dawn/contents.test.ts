import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { adopt, contentsOf, isWhole, readContents, writeContents } from '../../../runtime/dawn/contents.ts'
import { lavapipe } from '../../../runtime/dawn/driver.ts'

const NAMES = ['a', 'lib/b']

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'smoe-contents-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'lib'))
  for (const name of NAMES) writeFileSync(join(folder, name), `contents of ${name}`)
})

test('a directory is whole as long as its files are those of its list', () => {
  expect(isWhole(folder, NAMES)).toBe(false)
  writeContents(folder, contentsOf(folder, NAMES))
  expect(isWhole(folder, NAMES)).toBe(true)
  expect(isWhole(folder, [...NAMES, 'c'])).toBe(false)
  const { mtime } = statSync(join(folder, 'a'))
  writeFileSync(join(folder, 'a'), 'contents of b')
  utimesSync(join(folder, 'a'), mtime, mtime)
  expect(isWhole(folder, NAMES)).toBe(false)
  writeFileSync(join(folder, 'a'), 'contents of a')
  expect(isWhole(folder, NAMES)).toBe(true)
})

test('a list without the state of its files, as a setup writes it, gets it when it is first right', () => {
  const plain = Object.fromEntries(
    Object.entries(contentsOf(folder, NAMES)).map(([name, { bytes, sha256 }]) => [name, { bytes, sha256 }]),
  )
  writeContents(folder, plain)
  expect(isWhole(folder, NAMES)).toBe(true)
  expect(readContents(folder)).toEqual(contentsOf(folder, NAMES))
  writeContents(folder, { ...plain, a: { ...plain.a, sha256: plain['lib/b'].sha256 } })
  expect(isWhole(folder, NAMES)).toBe(false)
})

test('what was just written gets no list yet: it may be a copy that is not done', () => {
  expect(adopt(folder, NAMES)).toBe(false)
  expect(readContents(folder)).toBeNull()
})

test('a damaged lavapipe is not loaded, and the command that brings it is named', () => {
  const target = join(folder, 'lavapipe')
  mkdirSync(join(target, 'lib'), { recursive: true })
  const names = ['lvp_icd.json', 'lib/libvulkan_lvp.so', 'lib/libvulkan.so.1']
  for (const name of names) writeFileSync(join(target, name), name)
  const before = process.env.SMOE_CACHE
  onTestFinished(() => {
    if (before === undefined) delete process.env.SMOE_CACHE
    else process.env.SMOE_CACHE = before
  })
  process.env.SMOE_CACHE = folder
  writeContents(target, contentsOf(target, names))
  expect(lavapipe().driver?.loader).toBe(join(target, 'lib/libvulkan.so.1'))
  writeFileSync(join(target, names[1]), readFileSync(join(target, names[1]), 'utf8').toUpperCase())
  expect(lavapipe()).toMatchObject({ driver: null, found: `damaged: the checksums of files in ${target} do not match` })
})
