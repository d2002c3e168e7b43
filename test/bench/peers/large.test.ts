/** A turn of smoe on a checkpoint, as a process of its own, and the table of turns. */
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import type { Measured } from '../../../bench/peers/large/measured.ts'
import { largeTable } from '../../../bench/peers/large/table.ts'
import { writeSafetensors } from '../../../runtime/checkpoint/files.ts'

const VOCABULARY = 64

const tokens = (count: number) => ({ shape: [1, count], data: Int32Array.from({ length: count }, (_, at) => at % VOCABULARY) })

test('a turn measures a checkpoint, whose memory is planned within 2 %', { timeout: 120_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'smoe-large-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  cpSync('examples/tiny-mixtral', folder, { recursive: true })
  await writeSafetensors(join(folder, 'tokens.safetensors'), { input_ids: tokens(128), input_ids_512: tokens(512) })
  const logits = join(folder, 'logits.f32')
  const args = ['scripts/run.mjs', 'bench/peers/large.ts', folder, '1', logits, '--turn', 'cpu']
  const { stdout } = await promisify(execFile)(process.execPath, args)
  const { load, runs, peak, memory } = JSON.parse(stdout) as Measured
  for (const time of [load, ...Object.values(runs)]) expect(Math.min(time.wall, time.cpu)).toBeGreaterThan(0)
  expect(peak).toBeGreaterThan(2 ** 20)
  expect(Math.abs(memory!.planned / memory!.allocated - 1)).toBeLessThan(0.02)
  expect(readFileSync(logits).length).toBe(4 * VOCABULARY)
})

test('the table has the best of the turns, and the largest peak', () => {
  const measured = (seconds: number): Measured => ({
    load: { wall: seconds, cpu: 2 * seconds },
    runs: { input_ids: { wall: seconds, cpu: 10 - seconds }, input_ids_512: { wall: 4 * seconds, cpu: seconds } },
    peak: seconds * 1e9,
    memory: seconds === 1 ? { planned: 100, allocated: 101 } : null,
  })
  const lines = largeTable([
    { label: 'one', turns: [measured(1), measured(3)], error: '5e-7' },
    { label: 'other', turns: [measured(2)], error: '0e+0' },
  ]).split('\n')
  expect(lines[1].split(/\s+/)).toEqual(['one', '1.0', '2.0', '1.0', '7.0', '4.0', '1.0', '3.00', '5e-7'])
  expect(lines[2].split(/\s+/)).toEqual(['other', '2.0', '4.0', '2.0', '8.0', '8.0', '2.0', '2.00', '0e+0'])
  expect(lines.slice(3)).toEqual(['', 'one: planned 100 bytes, allocated 101', ''])
})
