/**
 * `smoe train` on a device, killed at random moments: what it leaves is whole, and it ends in the bytes of a run that nobody
 * stopped.
 * @module-tag long
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { checkpointName, listCheckpoints, loadCheckpoint } from '../../training/files/checkpoints.ts'
import { CHECKPOINTS } from '../../training/files/names.ts'
import { testRun } from '../support/runs.ts'
import { uniform } from '../support/random.ts'
import { TRAINED_TEXT, trainedSpec } from '../support/trained-spec.ts'

const isWhole = testRun === 'whole'
const [STEPS, KILLS] = isWhole ? [240, 40] : [180, 15]

const root = mkdtempSync(join(tmpdir(), 'smoe-killed-'))
writeFileSync(join(root, 'tiny.smoe'), trainedSpec(STEPS))
writeFileSync(join(root, 'data.txt'), TRAINED_TEXT)
afterAll(() => rmSync(root, { recursive: true }))

const checkpoints = (run: string): string => join(root, run, CHECKPOINTS)
const newest = async (run: string): Promise<number> =>
  existsSync(checkpoints(run)) ? ((await listCheckpoints(checkpoints(run))).at(-1)?.step ?? 0) : 0

/** Begins or goes on, and is killed once `isTime` says so. How it ended: by itself, or killed. */
async function live(run: string, isTime: (() => boolean) | null): Promise<'killed' | 'ended'> {
  const resumed = (await newest(run)) > 0 ? ['--resume', run] : []
  const args = [
    join(process.cwd(), 'scripts/run.mjs'),
    'cli/main.ts',
    'train',
    'tiny.smoe',
    '--data',
    'data.txt',
    '--device',
    'cpu',
    '--out',
    run,
    ...resumed,
    '--save-every',
    '1',
  ]
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let talk = ''
  child.stderr.on('data', (text) => (talk += String(text)))
  const watch = isTime === null ? undefined : setInterval(() => isTime() && child.kill('SIGKILL'), 3)
  return await new Promise((resolve, reject) => {
    child.on('exit', (code, signal) => {
      clearInterval(watch)
      if (code === 0 || signal === 'SIGKILL') resolve(code === 0 ? 'ended' : 'killed')
      else reject(new Error(talk))
    })
  })
}

const after = (milliseconds: number): (() => boolean) => {
  const begin = performance.now()
  return () => performance.now() - begin > milliseconds
}

/** So many milliseconds after the first checkpoint of this life. */
function afterCheckpoint(run: string, milliseconds: number): () => boolean {
  const list = (): string =>
    existsSync(checkpoints(run))
      ? readdirSync(checkpoints(run))
          .filter((name) => name.startsWith('step'))
          .join()
      : ''
  const before = list()
  let isOver: (() => boolean) | null = null
  return () => {
    if (isOver === null && list() !== before) isOver = after(milliseconds)
    return isOver?.() ?? false
  }
}

test(`${KILLS} times killed with -9, a run on a device ends in the same bytes`, { timeout: 900_000 }, async () => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  const next = uniform(seed)
  const start = performance.now()
  expect(await live('whole', null)).toBe('ended')
  const wholeTime = performance.now() - start
  const last = (run: string): Buffer => readFileSync(join(checkpoints(run), checkpointName(STEPS)))
  // A run that reaches its end between two kills is compared, and the next kills hit a new one.
  let [killed, runs] = [0, 0]
  const current = (): string => `killed-${runs}`
  const compare = (): void => expect(last(current()).equals(last('whole')), `seed ${seed}, ${current()}`).toBe(true)
  while (killed < KILLS) {
    const run = current()
    // as it starts, and as it runs
    const isTime = killed % 3 === 0 ? after(next() * Math.min(2500, wholeTime / 2)) : afterCheckpoint(run, next() * 250)
    const end = await live(run, isTime)
    for (const { path, step } of existsSync(checkpoints(run)) ? await listCheckpoints(checkpoints(run)) : []) {
      expect((await loadCheckpoint(path)).saved.progress.step, `seed ${seed}, kill ${killed}`).toBe(step)
    }
    if (end === 'ended') {
      compare()
      runs++
    } else killed++
  }
  const steps = runs * STEPS + (await newest(current()))
  expect(steps, `seed ${seed}: the killed runs went on`).toBeGreaterThan(KILLS / 3)
  expect(await live(current(), null)).toBe('ended')
  compare()
})
