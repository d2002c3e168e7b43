import { execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { FileError } from '../../../runtime/errors.ts'
import { commit, commitEach, isDraft, stageFile, textPieces, writeFileWhole } from '../../../runtime/files/index.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'smoe-file-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
})

const at = (name: string): string => join(folder, name)
const write = (name: string, text: string): Promise<void> => writeFileWhole(at(name), textPieces(text))
const read = (name: string): string => readFileSync(at(name), 'utf8')
const names = (): readonly string[] => readdirSync(folder).sort()

test('a file is there with its folders, and nothing beside it', async () => {
  await write('a/b/c.txt', 'text')
  expect(read('a/b/c.txt')).toBe('text')
  expect(readdirSync(at('a/b'))).toEqual(['c.txt'])
})

test('what is replaced keeps its permissions; a link stays and what it names is written, there or not', async () => {
  writeFileSync(at('real'), 'old')
  chmodSync(at('real'), 0o640)
  symlinkSync('real', at('link'))
  symlinkSync('link', at('link-of-link'))
  await write('link-of-link', 'new')
  expect(read('real')).toBe('new')
  expect(statSync(at('real')).mode & 0o777).toBe(0o640)
  symlinkSync('nowhere', at('dangling'))
  await write('dangling', 'made')
  expect(read('nowhere')).toBe('made')
  for (const link of ['link', 'link-of-link', 'dangling']) expect(lstatSync(at(link)).isSymbolicLink()).toBe(true)
  expect(names()).toEqual(['dangling', 'link', 'link-of-link', 'nowhere', 'real'])
})

test('a name as long as names can be, and one with a line break', async () => {
  const [long, broken] = ['x'.repeat(255), 'two\nlines']
  await write(long, 'a')
  await write(broken, 'b')
  expect([read(long), read(broken)]).toEqual(['a', 'b'])
  mkdirSync(at('di\nr'))
  await expect(write('di\nr', '')).rejects.toThrow(/di\\nr' cannot be written: it is a directory/)
})

describe('refused, and nothing left', () => {
  test.each([
    ['a directory', 'dir', 'it is a directory'],
    ['a file as a folder', 'file/x', 'a part of the path is not a directory (ENOTDIR)'],
    ['a name that is too long', 'x'.repeat(256), 'the name is too long (ENAMETOOLONG)'],
    ['links in a circle', 'circle', 'its symbolic links form a circle (ELOOP)'],
    ['a FIFO that nobody reads', 'fifo', 'nothing reads from it (ENXIO)'],
    ['/proc', '/proc/nope', 'there is no such file or directory (ENOENT)'],
    ['a folder in /proc', '/proc/nope/at/all', 'there is no such file or directory (ENOENT)'],
    ['a full device', '/dev/full', 'the disk is full (ENOSPC)'],
  ])('%s', async (_, target, why) => {
    mkdirSync(at('dir'))
    writeFileSync(at('file'), 'old')
    symlinkSync('circle', at('circle'))
    execFileSync('mkfifo', [at('fifo')])
    const before = names()
    const failure = await writeFileWhole(target.startsWith('/') ? target : at(target), textPieces('text')).catch(
      (error: unknown) => error,
    )
    expect(failure).toBeInstanceOf(FileError)
    expect((failure as FileError).message).toContain(`cannot be written: ${why}`)
    expect((failure as FileError).message.length).toBeLessThan(400)
    expect(names()).toEqual(before)
    expect(read('file')).toBe('old')
  })

  test('pieces that fail leave what was there, and no folder that was made for them', async () => {
    writeFileSync(at('a'), 'old')
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(100)
      throw new RangeError('no more')
    }
    for (const name of ['a', 'new/b']) await expect(writeFileWhole(at(name), failing())).rejects.toThrow(RangeError)
    expect(names()).toEqual(['a'])
    expect(read('a')).toBe('old')
  })
})

test('devices take bytes, a FIFO gives them to its reader', async () => {
  await writeFileWhole('/dev/null', textPieces('gone'))
  expect(statSync('/dev/null').isCharacterDevice()).toBe(true)
  execFileSync('mkfifo', [at('fifo')])
  const reader = spawn('cat', [at('fifo')])
  let got = ''
  reader.stdout.on('data', (text) => (got += String(text)))
  const ended = new Promise((resolve) => reader.on('exit', resolve))
  await write('fifo', 'x'.repeat(200_000))
  await ended
  expect(got).toHaveLength(200_000)
})

test('several appear together: where the last cannot be put in place the first are as they were', async () => {
  writeFileSync(at('a'), 'old a')
  const staged = [
    await stageFile(at('a'), textPieces('new a')),
    await stageFile(at('b'), textPieces('new b')),
    await stageFile(at('c'), textPieces('new c')),
  ]
  // a directory comes into its place after it was looked at
  mkdirSync(at('c'))
  await expect(commit(staged)).rejects.toThrow(/c' cannot be written: it is a directory/)
  expect(names()).toEqual(['a', 'c'])
  expect(read('a')).toBe('old a')
})

test('two outputs at one place are refused, through links too', async () => {
  symlinkSync('a', at('link'))
  const both = commitEach(['a', 'link'].map((name) => () => stageFile(at(name), textPieces(name), name)))
  await expect(both).rejects.toThrow("'link' is the same file as a: both would be written to it")
  expect(names()).toEqual(['link'])
})

test('what a killed process left of the same output goes with the next one, what a living one makes stays', async () => {
  await write('a', 'first')
  const child = spawn('sleep', ['100'])
  const staged = await stageFile(at('a'), textPieces('second'))
  const mine = names().find(isDraft)!
  const [ofLiving, ofDead] = [child.pid!, 4_194_304].map((pid) => mine.replace(`-${process.pid}-`, `-${pid}-`))
  for (const name of [ofLiving, ofDead]) linkSync(at(mine), at(name))
  staged.discard()
  await write('a', 'third')
  expect(existsSync(at(ofDead))).toBe(false)
  expect(existsSync(at(ofLiving))).toBe(true)
  child.kill()
})
