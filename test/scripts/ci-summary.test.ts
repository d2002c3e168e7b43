/** What `.ci/run` ends with, from the reports of both runs of the tests. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

interface Test {
  readonly status: 'passed' | 'failed' | 'skipped' | 'pending'
  readonly tags: readonly string[]
}

const one = (status: Test['status'], ...tags: readonly string[]): Test => ({ status, tags })

/** A report as the JSON reporter writes it, of one file. */
const report = (tests: readonly Test[], status = 'passed'): string =>
  JSON.stringify({
    numPassedTests: tests.filter((test) => test.status === 'passed').length,
    numFailedTests: tests.filter((test) => test.status === 'failed').length,
    testResults: [
      { name: join(process.cwd(), 'test/some.test.ts'), status, startTime: 1000, endTime: 3000, assertionResults: tests },
    ],
  })

const TIMES = 'packages 11 0\nlint 65 0\nshort 300 0\nlong 500 0\n'

function summary(times: string, short: string | null, long: string): { readonly out: string; readonly code: number | null } {
  const folder = mkdtempSync(join(tmpdir(), 'smoe-ci-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of Object.entries({ times, short, long })) if (text !== null) writeFileSync(join(folder, name), text)
  const files = ['times', 'short', 'long'].map((name) => join(folder, name))
  const { stdout, status } = spawnSync(process.execPath, ['scripts/ci-summary.mjs', ...files], { encoding: 'utf8' })
  return { out: stdout, code: status }
}

const last = (out: string): string => out.trimEnd().split('\n').at(-1)!

test('both runs are counted; a test that the long run leaves to the short one is not skipped', () => {
  const short = report([one('passed'), one('passed', 'devices'), one('skipped')])
  const long = report([one('skipped'), one('passed', 'devices'), one('pending', 'devices')])
  const { out, code } = summary(TIMES, short, long)
  expect(last(out)).toBe('3 passed, 0 failed, 2 skipped')
  expect(out).toMatch(/^ +65 s {2}lint$/m)
  expect(out).toMatch(/^ +2 s {2}test\/some\.test\.ts$/m)
  expect(code).toBe(0)
})

test('a test that fails, a file that cannot be loaded, a stage that fails and a report that is not there are failures', () => {
  const well = report([one('passed')])
  expect(summary(TIMES, report([one('passed'), one('failed')], 'failed'), well)).toMatchObject({ code: 1 })
  expect(last(summary(TIMES, well, report([], 'failed')).out)).toBe('1 passed, 1 failed')
  expect(last(summary('lint 65 1\nrooms 3 1\n', well, well).out)).toBe('2 passed, 2 failed')
  expect(last(summary('short 1 1\nlong 500 0\n', null, well).out)).toBe('1 passed, 1 failed')
})
