/**
 * `smoe train` told by a signal to stop: it saves after its step, says so by its exit code, and goes on to the bytes of a run
 * that nobody stopped.
 * @module-tag long
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { checkpointName, listCheckpoints } from '../../training/files/checkpoints.ts'
import { CHECKPOINTS } from '../../training/files/names.ts'
import { softwareDevices } from '../support/devices.ts'
import { TRAINED_TEXT, trainedSpec } from '../support/trained-spec.ts'

const STEPS = 400
const root = mkdtempSync(join(tmpdir(), 'smoe-stopped-'))
writeFileSync(join(root, 'tiny.smoe'), trainedSpec(STEPS))
// a step of many seconds
writeFileSync(join(root, 'slow.smoe'), trainedSpec(STEPS, 'B = 4096, S = 128'))
writeFileSync(join(root, 'data.txt'), TRAINED_TEXT.repeat(3))
afterAll(() => rmSync(root, { recursive: true }))

interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly err: string
  /** Milliseconds from the last signal to the end. */
  readonly took: number
}

/** Runs a spec and sends signals, each when stderr matches what it waits for. */
function live(
  spec: string,
  args: readonly string[],
  signals: readonly (readonly [NodeJS.Signals, RegExp, number])[],
): Promise<Ended> {
  const all = [
    join(process.cwd(), 'scripts/run.mjs'),
    'cli/main.ts',
    'train',
    spec,
    '--data',
    'data.txt',
    '--validate-every',
    '0',
    '--split',
    '0',
    ...args,
  ]
  const child = spawn(process.execPath, all, {
    cwd: root,
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let [err, sent, last] = ['', 0, performance.now()]
  child.stderr.on('data', (text) => {
    err += String(text)
    const next = signals[sent]
    if (next === undefined || !next[1].test(err)) return
    sent++
    setTimeout(() => {
      last = performance.now()
      child.kill(next[0])
    }, next[2])
  })
  return new Promise(
    (resolve) => void child.on('exit', (code, signal) => resolve({ code, signal, err, took: performance.now() - last })),
  )
}

const STARTED = /seed \d+/
const STOPPING = /once more to stop at once/
const saved = async (run: string): Promise<number> => (await listCheckpoints(join(root, run, CHECKPOINTS))).at(-1)?.step ?? 0
const bytes = (run: string): Buffer => readFileSync(join(root, run, CHECKPOINTS, checkpointName(STEPS)))

const devices = ['cpu', ...(await softwareDevices())]

describe.each([...devices, 'reference'])('on %s', (device) => {
  const on = ['--device', device] as const

  test('a signal saves what was done and has its exit code; the run goes on to the same bytes', async () => {
    expect((await live('tiny.smoe', [...on, '--out', `whole ${device}`], [])).code).toBe(0)
    const run = `stopped ${device}`
    let before = 0
    for (const [signal, wanted] of [
      ['SIGTERM', 143],
      ['SIGHUP', 129],
      ['SIGINT', 130],
    ] as const) {
      const { code, err, took } = await live(
        'tiny.smoe',
        [...on, '--out', run, ...(before > 0 ? ['--resume', run] : [])],
        [[signal, STARTED, 150]],
      )
      expect(code, err).toBe(wanted)
      expect(took, err).toBeLessThan(60_000)
      const step = await saved(run)
      expect(step, err).toBeGreaterThan(before)
      expect(step).toBeLessThan(STEPS)
      expect(err).toContain(`stopped at step ${step}`)
      expect(err).toContain('goes on from here')
      before = step
    }
    const { code, err } = await live('tiny.smoe', [...on, '--out', run, '--resume', run], [])
    expect(code, err).toBe(0)
    expect(bytes(run).equals(bytes(`whole ${device}`))).toBe(true)
  }, 300_000)
})

const TWICE = [
  ['SIGTERM', 'SIGINT'],
  ['SIGTERM', 'SIGTERM'],
  ['SIGINT', 'SIGTERM'],
  ['SIGHUP', 'SIGHUP'],
] as const

test.each(devices.flatMap((device) => TWICE.map((signals) => [device, ...signals] as const)))(
  'on %s, %s, then %s: the second ends the step too',
  { timeout: 120_000 },
  async (device, first, second) => {
    const { code, signal, err, took } = await live(
      'slow.smoe',
      ['--device', device, '--out', `twice ${device} ${first} ${second}`],
      [
        [first, STARTED, 300],
        [second, STOPPING, 0],
      ],
    )
    expect([code, signal], err).toEqual([null, second])
    expect(took).toBeLessThan(20_000)
    expect(err).not.toContain('stopped at step')
  },
)
