/** The training step beside PyTorch: what is not there is said, and what computes otherwise is not timed. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { IN_LONG_ALONE } from '../../support/runs.ts'

interface Ended {
  readonly out: string
  readonly err: string
  readonly failed: boolean
}

const benchStep = (python: string): Promise<Ended> =>
  new Promise((resolve) => {
    const args = ['scripts/run.mjs', 'bench/peers/step.ts', '--device', 'cpu', '--seconds', '0.01', '--python', python]
    execFile(process.execPath, args, (problem, out, err) => resolve({ out, err, failed: problem !== null }))
  })

/** An interpreter that says that it has done three steps with these losses and norms, whatever it is given. */
function interpreter(loss: number, norm: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'smoe-step-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'python')
  const steps = JSON.stringify(Array.from({ length: 3 }, () => ({ loss, norm })))
  writeFileSync(
    path,
    `#!${process.execPath}
const { writeFileSync, writeSync } = require('node:fs')
const say = (reply) => writeSync(3, JSON.stringify(reply) + '\\n')
say({ kind: 'ready', version: '0', detail: 'none' })
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { kind } = JSON.parse(line)
  if (kind === 'close') process.exit(0)
  writeFileSync(process.argv[3] + '/steps.json', ${JSON.stringify(steps)})
  say({ kind: 'checked' })
})
`,
    { mode: 0o755 },
  )
  return path
}

test('without an interpreter the devices are timed alone', { ...IN_LONG_ALONE, timeout: 180_000 }, async () => {
  const { out, err, failed } = await benchStep('/nowhere/python')
  expect(failed, err).toBe(false)
  expect(err).toContain('torch is not timed: spawn /nowhere/python ENOENT')
  expect(out).toMatch(/^a training step of characters, [^\n]*left_out=0\n[\s\S]*\ncpu takes [\d.]+ ms\n$/)
})

test('other losses are told, and nothing is timed', { ...IN_LONG_ALONE, timeout: 180_000 }, async () => {
  const { out, err, failed } = await benchStep(interpreter(4, 1))
  expect(failed).toBe(true)
  expect(out).toBe('')
  expect(err).toMatch(/torch: step 1 is \{"loss":4,"norm":1\}, on the first device \{"loss":4\.\d+,"norm":[\d.]+\}/)
})
