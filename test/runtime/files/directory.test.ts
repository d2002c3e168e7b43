import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { commit, isDraft, stageDirectory, textPieces, type FileSet } from '../../../runtime/files/index.ts'
import { draftPath } from '../../../runtime/files/draft.ts'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'smoe-directory-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
})

const at = (...names: readonly string[]): string => join(root, ...names)

/** Files `set` names; of an earlier set is what `list` says. */
const setOf = (files: Readonly<Record<string, string>>): FileSet => ({
  files: Object.entries({ ...files, list: Object.keys(files).join() }).map(([name, text]) => [name, textPieces(text)]),
  ofEarlier: (directory) =>
    new Set(existsSync(join(directory, 'list')) ? ['list', ...readFileSync(join(directory, 'list'), 'utf8').split(',')] : []),
})

const write = async (files: Readonly<Record<string, string>>, path = at('out')): Promise<void> =>
  commit([await stageDirectory(path, setOf(files))])

const contents = (path: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    readdirSync(path)
      .sort()
      .map((name) => [name, statSync(join(path, name)).isDirectory() ? '/' : readFileSync(join(path, name), 'utf8')]),
  )

const drafts = (path: string): readonly string[] => readdirSync(path).filter(isDraft)

test('a new set replaces an old one, files that only the old one had go, those of the user stay', async () => {
  await write({ a: '1', b: '1', c: '1' })
  chmodSync(at('out'), 0o750)
  writeFileSync(at('out/mine'), 'mine')
  symlinkSync('mine', at('out/link'))
  await write({ a: '2', d: '2' })
  expect(contents(at('out'))).toEqual({ a: '2', d: '2', link: 'mine', list: 'a,d', mine: 'mine' })
  expect(statSync(at('out')).mode & 0o777).toBe(0o750)
  expect(readdirSync(root)).toEqual(['out'])
})

test('with a directory of the user in it the files are replaced one by one', async () => {
  await write({ a: '1', b: '1' })
  mkdirSync(at('out/sub'))
  writeFileSync(at('out/sub/mine'), 'mine')
  const { ino } = statSync(at('out'))
  await write({ a: '2', d: '2' })
  expect(contents(at('out'))).toEqual({ a: '2', d: '2', list: 'a,d', sub: '/' })
  expect(readFileSync(at('out/sub/mine'), 'utf8')).toBe('mine')
  expect(statSync(at('out')).ino).toBe(ino)
  expect([...drafts(root), ...drafts(at('out'))]).toEqual([])
})

test('a directory that a link names is replaced, the link stays', async () => {
  mkdirSync(at('real'))
  symlinkSync('real', at('out'))
  await write({ a: '1' })
  expect(contents(at('real'))).toEqual({ a: '1', list: 'a' })
  expect(readdirSync(root).sort()).toEqual(['out', 'real'])
})

describe('nothing changes', () => {
  test.each([
    ['where a directory has the name of a file', () => mkdirSync(at('out/new')), /new' cannot be written: it is a directory/],
    ['where a piece fails', () => {}, /no more/],
  ])('%s', async (_, prepare, why) => {
    await write({ a: '1' })
    prepare()
    const before = contents(at('out'))
    const set = setOf({ a: '2', new: '2' })
    function* failing(): Generator<Uint8Array> {
      throw new Error('no more')
    }
    const files = why.source === 'no more' ? [...set.files, ['z', failing()] as const] : set.files
    await expect(stageDirectory(at('out'), { ...set, files }).then((staged) => commit([staged]))).rejects.toThrow(why)
    expect(contents(at('out'))).toEqual(before)
    expect([...drafts(root), ...drafts(at('out'))]).toEqual([])
  })

  test.each([['/proc/nope'], ['/dev/null'], ['/proc/nope/deep']])('%s', async (path) => {
    await expect(write({ a: '1' }, path)).rejects.toThrow(`'${path}' cannot be written: `)
  })
})

test('killed between the two renames: the old directory comes back, with what the user had in it', async () => {
  await write({ a: '1', b: '1' })
  writeFileSync(at('out/mine'), 'mine')
  const old = draftPath(root, at('out'), 'old').replace(`-${process.pid}-`, '-4194304-')
  renameSync(at('out'), old)
  await write({ a: '2' })
  expect(contents(at('out'))).toEqual({ a: '2', list: 'a', mine: 'mine' })
  expect(readdirSync(root)).toEqual(['out'])
})

test('killed after them: what only the old directory has of the user is brought over', async () => {
  await write({ a: '1', b: '1' })
  const old = draftPath(root, at('out'), 'old').replace(`-${process.pid}-`, '-4194304-')
  renameSync(at('out'), old)
  writeFileSync(join(old, 'mine'), 'mine')
  mkdirSync(at('out'))
  writeFileSync(at('out/other'), 'other')
  await write({ c: '2' })
  expect(contents(at('out'))).toEqual({ c: '2', list: 'c', mine: 'mine', other: 'other' })
  expect(readdirSync(root)).toEqual(['out'])
})

test('several writers at once: one of their sets is there', async () => {
  await Promise.all([1, 2, 3, 4, 5, 6].map((n) => write({ [`only${n}`]: String(n), all: String(n) })))
  const { all, list, ...only } = contents(at('out'))
  expect(only).toEqual({ [`only${all}`]: all })
  expect(list.split(',').sort()).toEqual(['all', `only${all}`])
  expect(readdirSync(root)).toEqual(['out'])
})
