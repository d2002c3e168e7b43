/** The command line as a user starts it: through npm, from a folder of one's own. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LAYER } from './harness.ts'

const folder = mkdtempSync(join(tmpdir(), 'smoe-process-'))
writeFileSync(join(folder, 'layer.smoe'), LAYER)
writeFileSync(join(folder, 'broken.smoe'), LAYER.replace('k = k', 'k = 9'))

afterAll(() => rmSync(folder, { recursive: true }))

interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

const started = (command: string, args: readonly string[], input = ''): Ended =>
  spawnSync(command, args, { cwd: folder, encoding: 'utf8', input, env: { ...process.env, NODE_OPTIONS: '' } })

const npm = (...args: readonly string[]): Ended => started('npm', ['--prefix', process.cwd(), 'run', '-s', 'smoe', '--', ...args])
const node = (input: string, ...args: readonly string[]): Ended => started(process.execPath, [join(process.cwd(), 'scripts/run.mjs'), 'cli/main.ts', ...args], input)

// the first start bundles the sources
beforeAll(() => void node('', '--version'), 120_000)

test('npm leaves stdout and the exit code alone', () => {
  expect(npm('--version')).toMatchObject({ status: 0, stdout: '0.1.0\n' })
  expect(npm('nonsense').status).toBe(2)
})

test('each way to end has its code, data and talk are apart', () => {
  expect(node('', 'check', 'layer.smoe')).toMatchObject({ status: 0, stdout: '', stderr: '1 file in order\n' })
  expect(node('', 'check', 'broken.smoe').status).toBe(1)
  expect(node('', 'check', 'nowhere.smoe')).toMatchObject({ status: 2, stdout: '' })
  expect(node(LAYER, 'fmt', '-')).toMatchObject({ status: 0, stdout: LAYER })
})

test('a reader that has enough does not make it fail', () => {
  const { status, stderr } = started('bash', ['-c', `set -o pipefail; "${process.execPath}" "${process.cwd()}/scripts/run.mjs" cli/main.ts explain layer.smoe --stage plan --format json | head -n 1`])
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  // more than a pipe holds, all of it mistakes
  writeFileSync(join(folder, 'mistakes.smoe'), 'let x = 1\n'.repeat(200))
  const failing = started('bash', ['-c', `set -o pipefail; "${process.execPath}" "${process.cwd()}/scripts/run.mjs" cli/main.ts check mistakes.smoe --format json | true`])
  expect(failing.status).toBe(1)
})

test('an output or an input that does not work is a message and a code', () => {
  const shell = (command: string): Ended => started('bash', ['-c', command.replace(/^smoe/, `"${process.execPath}" "${process.cwd()}/scripts/run.mjs" cli/main.ts`)])
  const full = "smoe: 'standard output' cannot be written: the disk is full (ENOSPC)\n"
  for (const command of ['smoe explain layer.smoe --stage plan > /dev/full', 'smoe --help > /dev/full', 'smoe check broken.smoe --format json > /dev/full', 'smoe fmt - < layer.smoe > /dev/full']) {
    expect(shell(command), command).toMatchObject({ status: 2, stderr: full })
  }
  expect(shell('smoe check - < /tmp')).toMatchObject({ status: 2, stderr: 'smoe: cannot read standard input: it is a directory (EISDIR)\n' })
  // without an end; the parser is given as much as shows that it is too long
  expect(shell('smoe check - < /dev/zero')).toMatchObject({ status: 1 })
  // what cannot be said does not change how it ends
  expect(shell('smoe check layer.smoe 2> /dev/full').status).toBe(0)
  expect(shell('smoe check nowhere.smoe 2> /dev/full').status).toBe(2)
  expect(shell('smoe explain layer.smoe --stage plan > plan.txt')).toMatchObject({ status: 0 })
  expect(shell('smoe explain layer.smoe --stage plan | cmp - plan.txt')).toMatchObject({ status: 0, stdout: '' })
}, 120_000)
