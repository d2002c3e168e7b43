/**
 * `smoe compile` over another model's files, killed at random moments: the directory holds the files of one of them, and the
 * user's own.
 * @module-tag long
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LAYER } from '../cli/harness.ts'
import { testRun } from '../support/runs.ts'
import { uniform } from '../support/random.ts'

const root = mkdtempSync(join(tmpdir(), 'smoe-killed-outputs-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** One of more kernels, one of fewer. */
const SPECS: Readonly<Record<string, string>> = {
  large: LAYER.replace('model layer', 'model large'),
  small: 'model small(D: int = 4) {\n  input x: f32[T, D]\n  output y: f32[T, D] = 2.0 * x\n}\n',
}

const program = [join(process.cwd(), 'scripts/run.mjs'), 'cli/main.ts']
const compile = (name: string): readonly string[] => [...program, 'compile', `${name}.smoe`, '-o', 'out']

type Files = Readonly<Record<string, string>>
const filesIn = (directory: string): Files =>
  Object.fromEntries(
    readdirSync(directory)
      .filter((name) => name !== 'mine.txt')
      .sort()
      .map((name) => [name, readFileSync(join(directory, name), 'utf8')]),
  )

const sets: Record<string, Files> = {}

beforeAll(() => {
  for (const [name, text] of Object.entries(SPECS)) writeFileSync(join(root, `${name}.smoe`), text)
  for (const name of Object.keys(SPECS)) {
    const { status, stderr } = spawnSync(process.execPath, [...program, 'compile', `${name}.smoe`, '-o', name], {
      cwd: root,
      encoding: 'utf8',
    })
    expect(status, stderr).toBe(0)
    sets[name] = filesIn(join(root, name))
  }
  expect(Object.keys(sets.large).length).toBeGreaterThan(Object.keys(sets.small).length + 5)
}, 120_000)

/** Lives for so long, or until `isTime`. How long, and how it ended. */
function live(
  args: readonly string[],
  signal: NodeJS.Signals,
  isTime: (age: number) => boolean,
): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null; readonly age: number }> {
  const begin = performance.now()
  const child = spawn(process.execPath, args, { cwd: root, stdio: 'ignore', env: { ...process.env, NODE_OPTIONS: '' } })
  return new Promise((resolve) => {
    let isOver = false
    const look = (): void => {
      if (isOver) return
      if (isTime(performance.now() - begin)) child.kill(signal)
      else setImmediate(look)
    }
    child.on('exit', (code, by) => {
      isOver = true
      resolve({ code, signal: by, age: performance.now() - begin })
    })
    look()
  })
}

const whose = (files: Files): string =>
  Object.keys(sets).find((name) => JSON.stringify(sets[name]) === JSON.stringify(files)) ??
  `a mixture: ${Object.keys(files).join(', ')}`

test.each([
  ['SIGKILL', testRun === 'whole' ? 40 : 16],
  ['SIGTERM', testRun === 'whole' ? 16 : 8],
] as const)('%s', { timeout: 300_000 }, async (signal, kills) => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  const next = uniform(seed)
  rmSync(join(root, 'out'), { recursive: true, force: true })
  mkdirSync(join(root, 'out'))
  writeFileSync(join(root, 'out/mine.txt'), 'mine')
  const { age } = await live(compile('large'), signal, () => false)
  let [holder, killed] = ['large', 0]
  // on a machine that writes between two looks, fewer kills hit
  for (let at = 0; at < kills || killed <= kills / 4; at++) {
    const other = holder === 'large' ? 'small' : 'large'
    const isWriting = (): boolean => readdirSync(root).some((name) => name.startsWith('.smoe-'))
    let since: number | null = null
    // some at any moment, most from when files are written
    const wait = at % 4 === 0 ? next() * age : next() * 40
    const ended = await live(compile(other), signal, (now) => {
      if (at % 4 === 0) return now > wait
      if (since === null && isWriting()) since = now
      return since !== null && now - since > wait
    })
    if (ended.signal === signal) killed++
    const now = whose(filesIn(join(root, 'out')))
    expect([holder, other], `seed ${seed}, ${signal} ${at} after ${ended.age} ms: ${now}`).toContain(now)
    expect(readFileSync(join(root, 'out/mine.txt'), 'utf8')).toBe('mine')
    // a signal that can be caught leaves nothing
    if (signal === 'SIGTERM')
      expect(
        readdirSync(root).filter((name) => name.startsWith('.smoe-')),
        `seed ${seed}, ${at}`,
      ).toEqual([])
    holder = now
  }
  // what was left goes with the next
  expect(await live(compile('small'), signal, () => false)).toMatchObject({ code: 0 })
  expect(whose(filesIn(join(root, 'out')))).toBe('small')
  expect(readdirSync(root).filter((name) => name.startsWith('.smoe-'))).toEqual([])
})
