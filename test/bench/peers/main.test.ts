import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { peersOptions } from '../../../bench/peers/options.ts'
import type { Report } from '../../../bench/peers/results.ts'
import { IN_LONG_ALONE } from '../../support/runs.ts'

test('options that cannot be are refused', () => {
  expect(() => peersOptions(['--tokens', '1,none'])).toThrow("'none' is not a positive whole number")
  expect(() => peersOptions(['--seconds', '0'])).toThrow("'0' is not a time in seconds")
  expect(() => peersOptions(['--only', 'smoe-cpu,nothing'])).toThrow("there is no candidate 'nothing'")
})

test('a run writes what was timed, and why a candidate is absent', { ...IN_LONG_ALONE, timeout: 120_000 }, () => {
  const out = mkdtempSync(join(tmpdir(), 'smoe-'))
  try {
    const small = ['--tokens', '3,1', '--experts', '4', '--width', '16', '--hidden', '8', '--seconds', '0.01']
    const options = ['--only', 'smoe-cpu-1,torch', '--python', 'no-such-python', '--no-install', '--out', out]
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['scripts/run.mjs', 'bench/peers/main.ts', ...small, ...options],
      { encoding: 'utf8' },
    )
    expect(status, stderr).toBe(0)
    expect(stdout).toContain('torch CPU: absent: spawn no-such-python ENOENT')
    expect(readFileSync(join(out, 'table.txt'), 'utf8')).toBe(stdout)
    const report = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')) as Report
    expect(report.results.map(({ outcomes }) => outcomes.map(({ kind }) => kind))).toEqual([
      ['timed', 'timed'],
      ['absent', 'absent'],
    ])
    expect(readFileSync(join(out, 'chart.svg'), 'utf8')).toContain('smoe cpu, 1 thread')
  } finally {
    rmSync(out, { recursive: true, force: true })
  }
})

test('attention is timed fused and unfused, where their results agree', { ...IN_LONG_ALONE, timeout: 120_000 }, () => {
  const options = ['--sizes', '17', '--rounds', '1', '--python', 'no-such-python']
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/run.mjs', 'bench/peers/attention.ts', ...options], {
    encoding: 'utf8',
  })
  expect(status, stderr).toBe(0)
  expect(stdout).toMatch(/^S=17 forward, .*: cpu, fused [\d.]+ \([\d.]+\); cpu, unfused .*\nS=17 gradients, /)
  expect(stderr).toContain('torch is not timed')
})
