/** What may be read: regular files, and imports below a root. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { LAYER, place, type Place } from './harness.ts'

const importing = (path: string): string =>
  `import { twice } from "${path}"\n\nfn f(x: f32[N]) -> f32[N] {\n  return twice(x)\n}\n`
const TWICE = 'fn twice(x: f32[N]) -> f32[N] {\n  return 2.0 * x\n}\n'
const SECRET = 'root:x:0:0: nobody is to see this\n'

function there(): Place {
  const made = place({
    'spec/main.smoe': importing('./lib/twice'),
    'spec/lib/twice.smoe': TWICE,
    'outside.smoe': TWICE,
    'secret.smoe': SECRET,
    'layer.smoe': LAYER,
  })
  execFileSync('mkfifo', [join(made.folder, 'spec/fifo'), join(made.folder, 'spec/fifo.smoe')])
  mkdirSync(join(made.folder, 'spec/twice'))
  writeFileSync(join(made.folder, 'spec/twice.smoe'), TWICE)
  return made
}

/** Checks a spec that imports a path; in `spec/`, unless said otherwise. */
async function check(
  { folder, smoe }: Place,
  path: string,
  ...more: readonly string[]
): Promise<{ readonly code: number; readonly out: string }> {
  writeFileSync(join(folder, 'spec/tried.smoe'), importing(path))
  const { code, out } = await smoe('check', 'spec/tried.smoe', ...more)
  expect(out).not.toContain('nobody is to see this')
  return { code, out }
}

describe('imports', () => {
  test('are below the folder of the spec: beside it, in folders of it, a file beside a folder of its name', async () => {
    for (const path of ['./lib/twice', './lib/twice.smoe', './twice', './lib/../twice', '../spec/twice'])
      expect(await check(there(), path), path).toEqual({ code: 0, out: '' })
  })

  test.each([
    ['../outside'],
    ['../secret'],
    ['../nothing'],
    ['./lib/../../outside.smoe'],
    ['../../../../../../../../etc/passwd'],
  ])('%s is outside, whether it is there or not', async (path) => {
    const { code, out } = await check(there(), path)
    expect(code).toBe(1)
    expect(out).toContain(`error[SMOE2004]: ${path} cannot be imported: it is outside of the root of imports, 'spec'`)
    expect(out).toContain('--> spec/tried.smoe:1:23')
  })

  test('links do not lead out; those that stay inside are followed', async () => {
    const made = there()
    symlinkSync('/etc/passwd', join(made.folder, 'spec/passwd.smoe'))
    symlinkSync('..', join(made.folder, 'spec/up'))
    symlinkSync('lib/twice.smoe', join(made.folder, 'spec/inside.smoe'))
    for (const path of ['./passwd', './up/outside', './up/secret'])
      expect((await check(made, path)).out).toContain('it is outside of the root of imports')
    expect((await check(made, './inside')).code).toBe(0)
    expect((await check(made, './up/spec/twice')).code).toBe(0)
  })

  test('an import of an import is held to the root of the spec, not to its own folder', async () => {
    const made = there()
    writeFileSync(join(made.folder, 'spec/lib/through.smoe'), importing('../twice').replace('fn f', 'fn g'))
    writeFileSync(join(made.folder, 'spec/lib/leaving.smoe'), importing('../../outside'))
    expect((await check(made, './lib/through')).out).not.toContain('SMOE2004')
    expect((await check(made, './lib/leaving')).out).toContain('--> spec/lib/leaving.smoe:1:23')
  })

  test('--root allows more; a link out of that is refused as well', async () => {
    const made = there()
    expect(await check(made, '../outside', '--root', '.')).toEqual({ code: 0, out: '' })
    symlinkSync('/etc', join(made.folder, 'etc'))
    expect((await check(made, '../etc/passwd', '--root', '.')).out).toContain("outside of the root of imports, '.'")
    expect(await made.smoe('check', 'spec/main.smoe', '--root', 'nowhere')).toMatchObject({
      code: 2,
      err: "smoe: the root of imports 'nowhere' cannot be read: there is no such file or directory (ENOENT)\n",
    })
    for (const command of [
      ['explain', '--stage', 'ast'],
      ['compile', '-o', 'out'],
    ]) {
      const { err } = await made.smoe(command[0], 'spec/main.smoe', ...command.slice(1), '--root', '.')
      expect(err).not.toContain('unknown option')
    }
  })

  test('a FIFO is refused and not waited for, a folder is not a file', async () => {
    expect((await check(there(), './fifo')).out).toContain('./fifo cannot be imported: it is a FIFO, not a regular file')
    expect((await check(there(), './lib')).out).toContain('cannot find file ./lib')
  })
})

describe('what is not a regular file', () => {
  const FIFO = /is a FIFO, not a regular file/
  const DEVICE = /is a character device, not a regular file/
  const cases: readonly (readonly [readonly string[], RegExp, number])[] = [
    ...(['check', 'fmt'] as const).map((command) => [[command, 'spec/fifo'], FIFO, 2] as const),
    [['check', '/dev/zero'], DEVICE, 2],
    [['compile', 'spec/fifo', '-o', 'out'], FIFO, 2],
    [['run', 'layer.smoe', '--weights', 'spec/fifo', '--in', 'x=spec/fifo', '--device', 'reference'], FIFO, 5],
    [['run', 'layer.smoe', '--in', 'x=/dev/zero', '--device', 'reference'], DEVICE, 5],
    [['import', 'spec/fifo'], FIFO, 2],
    [['routing', 'spec/fifo'], FIFO, 2],
    [['routing', '/dev/tty'], DEVICE, 2],
  ]
  test.each(cases)('%j', async (args, why, code) => {
    const begin = performance.now()
    const ended = await there().smoe(...args)
    expect(ended.err).toMatch(why)
    expect(ended.code).toBe(code)
    expect(performance.now() - begin).toBeLessThan(10_000)
  })

  test('/dev/stdin is standard input where a spec is read', async () => {
    const { smoe } = place({}, TWICE)
    for (const name of ['-', '/dev/stdin']) expect(await smoe('fmt', name)).toMatchObject({ code: 0, out: TWICE })
  })
})
