import { execFileSync, spawn, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TrainingEvent } from '../../../training/events.ts'
import { checkpointName, listCheckpoints, loadCheckpoint } from '../../../training/files/checkpoints.ts'
import { CHECKPOINTS, METRICS } from '../../../training/files/names.ts'
import { readRecords } from '../../../training/files/record.ts'
import { resume, trainInto } from '../../../training/files/run.ts'
import type { Training } from '../../../training/run.ts'
import { uniform } from '../../support/random.ts'
import { bigrams, fakeMachine } from '../fake-machine.ts'
import { routed } from '../recipes.ts'
import { chain } from '../texts.ts'
import { BALLAST, killable } from './killable.ts'
import { IN_LONG_ALONE } from '../../support/runs.ts'

const root = mkdtempSync(join(tmpdir(), 'smoe-run-'))
afterAll(() => rmSync(root, { recursive: true }))

const recipe = bigrams({
  steps: 8,
  isRandom: true,
  layers: [routed('layers.0/moe', { competition: { rate: 0.4, after: 0.2, atMost: 1 } })],
})
const trainingOf = (more: Partial<Training> = {}): Training => ({
  recipe,
  machine: fakeMachine(recipe),
  training: chain(60),
  validation: chain(30, 5),
  validateEvery: 3,
  saveEvery: 2,
  now: () => 0,
  ...more,
})

const files = { keep: 2, time: () => 5 }

/** Runs into a directory until so many steps are done. */
async function runInto(directory: string, training: Training, steps = Infinity): Promise<readonly TrainingEvent[]> {
  const [stop, events] = [new AbortController(), [] as TrainingEvent[]]
  for await (const event of trainInto(directory, { ...training, signal: stop.signal }, files)) {
    events.push(event)
    if (event.kind === 'step' && event.step >= steps) stop.abort()
  }
  return events
}

const contents = (directory: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(directory, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\./.test(name))
      .map((name) => [name, readFileSync(join(directory, name), 'base64')]),
  )

/** Without the lines that tell of a start. */
const lines = (directory: string): string =>
  readFileSync(join(directory, METRICS), 'utf8')
    .split('\n')
    .filter((line) => !line.startsWith('{"kind":"start"'))
    .join('\n')

test("a directory holds the record, TensorBoard's events and the newest checkpoints", async () => {
  const directory = join(root, 'whole')
  const events = await runInto(directory, trainingOf())
  expect(Object.keys(contents(directory)).sort()).toEqual([
    'checkpoints/step-00000006.safetensors',
    'checkpoints/step-00000008.safetensors',
    'events.out.tfevents.0000000005.smoe',
    'metrics.jsonl',
  ])
  const records = await readRecords(directory)
  expect(records.map(({ time: _, ...event }) => event)).toEqual(
    JSON.parse(JSON.stringify(events.filter(({ kind }) => kind !== 'checkpoint'))),
  )
})

test('two runs give the same bytes', async () => {
  await runInto(join(root, 'again'), trainingOf())
  expect(contents(join(root, 'again'))).toEqual(contents(join(root, 'whole')))
})

test('stopped anywhere and resumed, a run ends in the same bytes', async () => {
  for (const steps of [1, 2, 3, 5, 6]) {
    const directory = join(root, `stopped ${steps}`)
    const first = await runInto(directory, trainingOf(), steps)
    expect(first.at(-1)).toMatchObject({ reason: 'stopped', step: steps })
    await runInto(directory, await resume(directory, trainingOf()))
    const [whole, both] = [contents(join(root, 'whole')), contents(directory)]
    expect(lines(directory)).toBe(lines(join(root, 'whole')))
    // the checkpoint of the stop was written before the examples set aside were looked at
    const same = Object.keys(whole).filter((name) => name !== METRICS && !name.endsWith(checkpointName(steps)))
    expect(
      same.filter((name) => both[name] !== whole[name]),
      `stopped after ${steps}`,
    ).toEqual([])
  }
})

test('what came after the checkpoint that a run goes on from, whole or torn, is made anew', async () => {
  const directory = join(root, 'torn record')
  cpSync(join(root, 'whole'), directory, { recursive: true })
  const path = join(directory, CHECKPOINTS, checkpointName(6))
  truncateSync(join(directory, METRICS), readFileSync(join(directory, METRICS)).length - 20)
  const found: number[][] = []
  for await (const { kind } of trainInto(directory, await resume(path, trainingOf()), files)) {
    if (kind === 'start' || kind === 'end')
      found.push((await listCheckpoints(join(directory, CHECKPOINTS))).map(({ step }) => step))
  }
  expect(found).toEqual([[6], [6, 8]])
  expect(lines(directory)).toBe(lines(join(root, 'whole')))
})

describe('refused', () => {
  test('a directory that holds a run already', async () => {
    await expect(runInto(join(root, 'whole'), trainingOf())).rejects.toThrow(
      'already has a run, at step 8; resume it, or choose another directory',
    )
  })

  test('a directory without a checkpoint, and a path to nothing', async () => {
    await expect(resume(root, trainingOf())).rejects.toThrow('has no checkpoint')
    await expect(resume(join(root, 'nothing'), trainingOf())).rejects.toThrow(
      'nothing: is truncated, or not a checkpoint: is not there',
    )
  })

  test('a torn checkpoint, with a word of the one before', async () => {
    const directory = join(root, 'torn')
    cpSync(join(root, 'whole'), directory, { recursive: true })
    const newest = join(directory, CHECKPOINTS, checkpointName(8))
    truncateSync(newest, readFileSync(newest).length - 1)
    const refused = resume(directory, trainingOf())
    await expect(refused).rejects.toThrow('step-00000008.safetensors: is truncated, or not a checkpoint: ')
    await expect(refused).rejects.toThrow(`the checkpoint before it is ${join(directory, CHECKPOINTS, checkpointName(6))}`)
    await resume(join(directory, CHECKPOINTS, checkpointName(6)), trainingOf())
  })

  test('another directory that holds a run, though the run goes on from somewhere', async () => {
    const [one, other] = ['one', 'other'].map((name) => join(root, name))
    for (const directory of [one, other]) cpSync(join(root, 'whole'), directory, { recursive: true })
    const before = contents(other)
    const from = join(one, CHECKPOINTS, checkpointName(6))
    await expect(runInto(other, await resume(from, trainingOf()))).rejects.toThrow('already has a run, at step 8')
    // a copy is no part of the run that it lies beside
    mkdirSync(join(other, 'best'))
    cpSync(from, join(other, 'best/copy.safetensors'))
    const copied = await resume(join(other, 'best/copy.safetensors'), trainingOf())
    expect(copied.directory).toBeNull()
    await expect(runInto(other, copied)).rejects.toThrow('already has a run, at step 8')
    rmSync(join(other, 'best'), { recursive: true })
    expect(contents(other)).toEqual(before)
  })

  test('a directory that another run writes to', async () => {
    const directory = join(root, 'taken')
    const run = trainInto(directory, trainingOf(), files)
    await run.next()
    await expect(runInto(directory, trainingOf())).rejects.toThrow(`is in use by another run, process ${process.pid} on `)
    for await (const _ of run);
    expect(readdirSync(directory).filter((name) => name.startsWith('.lock'))).toEqual([])
  })

  test('a record that cannot be read is not taken for an empty one', async () => {
    const directory = join(root, 'unreadable')
    mkdirSync(join(directory, METRICS), { recursive: true })
    await expect(readRecords(directory)).rejects.toThrow('is a directory, not a regular file')
  })

  test('a checkpoint of another run', async () => {
    const other = bigrams({ ...recipe, seed: 9 })
    await expect(resume(join(root, 'whole'), trainingOf({ recipe: other, machine: fakeMachine(other) }))).rejects.toThrow(
      'is of another recipe: seed was 5 and is 9',
    )
    await expect(resume(join(root, 'whole'), trainingOf({ training: chain(61) }))).rejects.toThrow(
      'its training set was 60 tokens',
    )
    const changed = { ...recipe, program: 'ffffffff' }
    await expect(resume(join(root, 'whole'), trainingOf({ recipe: changed }))).rejects.toThrow('is of another model')
  })

  test('data that does not fit, before a file is touched', async () => {
    const directory = join(root, 'misfit')
    await expect(runInto(directory, trainingOf({ training: chain(3) }))).rejects.toThrow('too few')
    expect(existsSync(join(directory, METRICS))).toBe(false)
  })
})

test('the lock of a run that was killed is taken over', async () => {
  const directory = join(root, 'left locked')
  await runInto(directory, trainingOf(), 2)
  const { pid } = spawnSync(process.execPath, ['-e', ''])
  writeFileSync(join(directory, '.lock'), JSON.stringify({ pid, host: hostname() }))
  await runInto(directory, await resume(directory, trainingOf()))
  expect(readdirSync(directory)).not.toContain('.lock')
  writeFileSync(join(directory, '.lock'), JSON.stringify({ pid, host: 'elsewhere' }))
  await expect(runInto(directory, await resume(directory, trainingOf()))).rejects.toThrow(
    `process ${pid} on elsewhere; if that has ended, remove `,
  )
})

test('drafts of a run that was killed are taken away', async () => {
  const directory = join(root, 'drafts')
  await runInto(directory, trainingOf(), 2)
  const draft = join(directory, CHECKPOINTS, '.smoe-0123456789-0123456789-1-01234567.part')
  writeFileSync(draft, 'half')
  await runInto(directory, await resume(directory, trainingOf()))
  expect(existsSync(draft)).toBe(false)
})

describe('killed with -9', () => {
  const script = join(root, 'child.mjs')
  beforeAll(
    async () =>
      void (await build({
        entryPoints: ['test/training/files/child.ts'],
        bundle: true,
        platform: 'node',
        format: 'esm',
        outfile: script,
        logLevel: 'silent',
      })),
  )

  /** Whether it was killed before it ended: so many checkpoints after its start, and some milliseconds. */
  const killed = (directory: string, checkpoints: number, after: number): Promise<boolean> =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [script, directory])
      let [talk, dots] = ['', 0]
      child.stderr.on('data', (text) => (talk += String(text)))
      child.stdout.on('data', (text) => {
        if (dots <= checkpoints && (dots += String(text).length) > checkpoints) setTimeout(() => child.kill('SIGKILL'), after)
      })
      child.on('exit', (code, signal) =>
        code === 0 || signal === 'SIGKILL' ? resolve(signal === 'SIGKILL') : reject(new Error(talk)),
      )
    })

  test(
    'at any moment, no checkpoint is torn, and the run ends in the same bytes',
    { ...IN_LONG_ALONE, timeout: 180_000 },
    async () => {
      const [directory, whole] = [join(root, 'killed'), join(root, 'not killed')]
      let [kills, seen] = [0, 0]
      const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
      console.info(`SEED=${seed} repeats the moments`)
      const random = uniform(seed)
      for (let at = 0; at < 40; at++) {
        if (await killed(directory, at % 4, random() * 15)) kills++
        const listed = await listCheckpoints(join(directory, CHECKPOINTS))
        expect(listed.length).toBeLessThanOrEqual(4)
        for (const { path, step } of listed) {
          const { saved } = await loadCheckpoint(path)
          expect(saved.progress.step).toBe(step)
          const ballast = saved.state.ballast.data
          expect([ballast.length, ballast[0], ballast[BALLAST - 1]]).toEqual([BALLAST, step, step])
        }
        const newest = listed.at(-1)?.step ?? 0
        expect(newest).toBeGreaterThanOrEqual(seen)
        seen = newest
      }
      expect(kills).toBeGreaterThan(30)
      expect(seen).toBeGreaterThan(40)
      execFileSync(process.execPath, [script, directory])
      for await (const _ of trainInto(whole, { ...killable(), saveEvery: 100 }, { keep: 1, time: () => 0 }));
      const last = join(CHECKPOINTS, checkpointName(300))
      expect(readFileSync(join(directory, last)).equals(readFileSync(join(whole, last)))).toBe(true)
      expect(lines(directory)).toBe(lines(whole))
      expect(readdirSync(join(directory, CHECKPOINTS))).toEqual([298, 299, 300].map(checkpointName))
    },
  )
})
