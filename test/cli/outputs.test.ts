/**
 * Every output of every command at places that cannot take it: a message, the code, and nothing left. An eighth of the pairs is
 * in the short run, with each command and each kind of place.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { encodeSafetensors } from '../../runtime/checkpoint/encode.ts'
import { printReport } from '../../runtime/routing/text.ts'
import { MORE_IN_LONG, shareOf } from '../support/runs.ts'
import { root } from '../support/sources.ts'
import { LAYER, place, type Outcome, type Place } from './harness.ts'
import { madeUp } from './routing/reports.ts'
import { randomWeights } from './weights.ts'

const mixtral = join(root, 'test/fixtures/checkpoints/mixtral')

const LEARNS = LAYER.replace(
  /\}\s*$/,
  '  train {\n    loss size = mean(mean(y * y))\n    optimiser sgd(rate = 0.1)\n    batch T = 4\n    steps 2\n  }\n}\n',
)
const x = { shape: [8, 8], data: Float32Array.from({ length: 64 }, (_, at) => Math.sin(at)) }
const weights = await randomWeights(LAYER)
const report = printReport(madeUp({ layers: 1, experts: 4, tokens: 16, k: 2 }, 1).report)

const RUN = ['run', 'layer.smoe', '--weights', 'w.safetensors', '--in', 'x=x.safetensors', '--device', 'reference'] as const

/** Command lines that want a path at their end. */
const FILES: Readonly<Record<string, readonly string[]>> = {
  'run --out': [...RUN, '--out'],
  'run --routing': [...RUN, '--routing'],
  'run --record-routes': [...RUN, '--record-routes'],
  'routing --html': ['routing', 'report.json', '--html'],
  'import -o': ['import', mixtral, '-o'],
  'reroute -o': ['reroute', mixtral, '--alpha', '0', '--top-c', '4', '--device', 'reference', '-o'],
  'reroute --held-out': ['reroute', mixtral, '--top-c', '4', '--device', 'reference', '--held-out'],
}

const DIRECTORIES: Readonly<Record<string, readonly string[]>> = {
  'compile -o': ['compile', 'layer.smoe', '-o'],
  'train --out': ['train', 'learns.smoe', '--data', 'x.safetensors', '--split', '0', '--device', 'reference', '--out'],
  'reroute --out': ['reroute', mixtral, '--top-c', '4', '--device', 'reference', '--drop', '25%', '--out'],
}

const LONG = 'x'.repeat(256)

/** Places that take neither. */
const NOWHERE: readonly (readonly [string, RegExp])[] = [
  ['/proc/nope', /'\/proc\/nope' cannot be written: there is no such file or directory \(ENOENT\)/],
  ['/proc/nope/deep', /'\/proc\/nope\S*' cannot be written: there is no such file or directory \(ENOENT\)/],
  ['layer.smoe/x', /'\S*layer\.smoe\S*' cannot be written: (a part of the path|it) is not a directory/],
  [LONG, /\S*' cannot be written: the name is too long \(ENAMETOOLONG\)/],
]

const FILE_PLACES = [
  ...NOWHERE,
  ['/dev/full', /'\/dev\/full' cannot be written: the disk is full \(ENOSPC\)/],
  ['folder', /'folder' cannot be written: it is a directory/],
  ['fifo', /'fifo' cannot be written: nothing reads from it \(ENXIO\)/],
] as const
const DIRECTORY_PLACES = [
  ...NOWHERE,
  ['/dev/full', /'\/dev\/full\S*' cannot be written: (it|a part of the path) is not a directory/],
  ['layer.smoe', /'\S*layer\.smoe\S*' cannot be written: (it|a part of the path) is not a directory/],
] as const

function there(): Place {
  const made = place({
    'layer.smoe': LAYER,
    'learns.smoe': LEARNS,
    'w.safetensors': weights,
    'x.safetensors': encodeSafetensors({ x }),
    'report.json': report,
  })
  mkdirSync(join(made.folder, 'folder'))
  writeFileSync(join(made.folder, 'folder/kept'), 'kept')
  execFileSync('mkfifo', [join(made.folder, 'fifo')])
  return made
}

/** Everything below a folder with what it holds. */
const everything = (folder: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .sort()
      .map((name) => {
        const path = join(folder, name)
        return [name, statSync(path).isFile() ? readFileSync(path, 'latin1') : 'no file']
      }),
  )

function refused({ code, out, err }: Outcome, why: RegExp): void {
  expect({ code, out }, err).toEqual({ code: 2, out: '' })
  expect(err).toMatch(why)
  expect(err).not.toMatch(/^ {4}at /m)
}

for (const [kind, commands, places] of [
  ['a file', FILES, FILE_PLACES],
  ['a directory', DIRECTORIES, DIRECTORY_PLACES],
] as const) {
  const pairs = Object.entries(commands).flatMap(([name, args]) => places.map(([target, why]) => ({ name, args, target, why })))
  test.each(shareOf(pairs, 8))(
    `${kind}: $name at $target`,
    { ...MORE_IN_LONG, timeout: 60_000 },
    async ({ args, target, why }) => {
      const { folder, smoe } = there()
      const before = everything(folder)
      const begin = performance.now()
      refused(await smoe(...args, target), why)
      expect(performance.now() - begin).toBeLessThan(20_000)
      expect(everything(folder)).toEqual(before)
    },
  )

  test.each(shareOf(Object.entries(commands), 3))(
    `${kind}: %s: an empty name`,
    { ...MORE_IN_LONG, timeout: 60_000 },
    async (_, args) => {
      const { folder, smoe } = there()
      const before = everything(folder)
      expect((await smoe(...args, '')).code).toBe(2)
      expect(everything(folder)).toEqual(before)
    },
  )
}

test.each(shareOf(Object.entries(FILES), 3))(
  '%s: makes folders, keeps permissions, follows links',
  { ...MORE_IN_LONG, timeout: 60_000 },
  async (_, args) => {
    const { folder, smoe, read } = there()
    expect((await smoe(...args, 'new/folders/file')).code).toBe(0)
    expect(readdirSync(join(folder, 'new/folders')).filter((name) => name.startsWith('.'))).toEqual([])
    writeFileSync(join(folder, 'secret'), 'old')
    chmodSync(join(folder, 'secret'), 0o600)
    symlinkSync('secret', join(folder, 'link'))
    expect((await smoe(...args, 'link')).code).toBe(0)
    expect(statSync(join(folder, 'secret')).mode & 0o777).toBe(0o600)
    expect(read('secret')).toBe(read('new/folders/file'))
    expect((await smoe(...args, '/dev/null')).code).toBe(0)
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true)
  },
)

test('outputs of one command appear together or not at all', async () => {
  const { folder, smoe } = there()
  const before = everything(folder)
  for (const places of [
    ['--out', 'a', '--routing', 'folder'],
    ['--out', 'a', '--record-routes', '/dev/full', '--routing', 'c'],
    ['--out', 'a', '--routing', './a'],
  ]) {
    expect((await smoe(...RUN, ...places)).code).toBe(2)
    expect(everything(folder)).toEqual(before)
  }
  const reroute = ['reroute', mixtral, '--top-c', '4', '--device', 'reference'] as const
  refused(await smoe(...reroute, '-o', 'new.smoe', '--held-out', '/dev/full'), /'\/dev\/full' cannot be written/)
  refused(await smoe(...reroute, '--drop', '25%', '--out', 'smaller', '-o', '/proc/nope'), /'\/proc\/nope\S*' cannot be written/)
  expect(everything(folder)).toEqual(before)
}, 60_000)

test('fmt writes whole files too', async () => {
  const { folder, smoe, read } = place({ 'a.smoe': LAYER.replaceAll('  ', '') })
  chmodSync(join(folder, 'a.smoe'), 0o604)
  symlinkSync('a.smoe', join(folder, 'link.smoe'))
  expect(await smoe('fmt', 'link.smoe')).toMatchObject({ code: 0 })
  expect(read('a.smoe')).toBe(LAYER)
  expect(statSync(join(folder, 'a.smoe')).mode & 0o777).toBe(0o604)
  expect(readdirSync(folder).sort()).toEqual(['a.smoe', 'link.smoe'])
})

test('a smaller checkpoint does not come into a folder whose index would be read in its place', async () => {
  const { folder, smoe } = there()
  writeFileSync(join(folder, 'folder/model.safetensors.index.json'), '{}')
  const { code, err } = await smoe(...DIRECTORIES['reroute --out'], 'folder')
  expect(code).toBe(2)
  expect(err).toContain("'folder' holds a checkpoint of several files (model.safetensors.index.json)")
})
