/** The command line as a user starts it: through npm, from a folder of one's own. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { encodeSafetensors } from '../../runtime/checkpoint/encode.ts'
import { LAYER } from './harness.ts'
import { IN_LONG_ALONE } from '../support/runs.ts'

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
const node = (input: string, ...args: readonly string[]): Ended =>
  started(process.execPath, [join(process.cwd(), 'scripts/run.mjs'), 'cli/main.ts', ...args], input)

// the first start bundles the sources
beforeAll(() => void node('', '--version'), 120_000)

test('npm leaves stdout and the exit code alone', () => {
  expect(npm('--version')).toMatchObject({ status: 0, stdout: '0.1.0\n' })
  expect(npm('nonsense').status).toBe(2)
})

test('each way to end has its code, data and talk are apart', () => {
  expect(node('', 'check', 'layer.smoe')).toMatchObject({ status: 0, stdout: '', stderr: 'no mistakes in 1 file\n' })
  expect(node('', 'check', 'broken.smoe').status).toBe(1)
  expect(node('', 'check', 'nowhere.smoe')).toMatchObject({ status: 2, stdout: '' })
  expect(node(LAYER, 'fmt', '-')).toMatchObject({ status: 0, stdout: LAYER })
})

test('a reader that has enough does not make it fail', () => {
  const { status, stderr } = started('bash', [
    '-c',
    `set -o pipefail; "${process.execPath}" "${process.cwd()}/scripts/run.mjs" cli/main.ts explain layer.smoe --stage plan --format json | head -n 1`,
  ])
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  // more than a pipe holds, all of it mistakes
  writeFileSync(join(folder, 'mistakes.smoe'), 'let x = 1\n'.repeat(200))
  const failing = started('bash', [
    '-c',
    `set -o pipefail; "${process.execPath}" "${process.cwd()}/scripts/run.mjs" cli/main.ts check mistakes.smoe --format json | true`,
  ])
  expect(failing.status).toBe(1)
})

test('an output or an input that does not work is a message and a code', () => {
  const shell = (command: string): Ended =>
    started('bash', ['-c', command.replace(/^smoe/, `"${process.execPath}" "${process.cwd()}/scripts/run.mjs" cli/main.ts`)])
  const full = "smoe: 'standard output' cannot be written: the disk is full (ENOSPC)\n"
  for (const command of [
    'smoe explain layer.smoe --stage plan > /dev/full',
    'smoe --help > /dev/full',
    'smoe check broken.smoe --format json > /dev/full',
    'smoe fmt - < layer.smoe > /dev/full',
  ]) {
    expect(shell(command), command).toMatchObject({ status: 2, stderr: full })
  }
  expect(shell('smoe check - < /tmp')).toMatchObject({
    status: 2,
    stderr: 'smoe: cannot read standard input: it is a directory (EISDIR)\n',
  })
  // without an end; the parser is given as much as shows that it is too long
  expect(shell('smoe check - < /dev/zero')).toMatchObject({ status: 1 })
  // what cannot be said does not change how it ends
  expect(shell('smoe check layer.smoe 2> /dev/full').status).toBe(0)
  expect(shell('smoe check nowhere.smoe 2> /dev/full').status).toBe(2)
  expect(shell('smoe explain layer.smoe --stage plan > plan.txt')).toMatchObject({ status: 0 })
  expect(shell('smoe explain layer.smoe --stage plan | cmp - plan.txt')).toMatchObject({ status: 0, stdout: '' })
}, 120_000)

/** Files of at most so many KiB, as on a disk that takes no more. */
const within = (kib: number, ...args: readonly string[]): Ended =>
  started('bash', [
    '-c',
    `ulimit -f ${kib}; exec "$0" "$@"`,
    process.execPath,
    join(process.cwd(), 'scripts/run.mjs'),
    'cli/main.ts',
    ...args,
  ])

const LEARNS = LAYER.replace(
  /\}\s*$/,
  '  train {\n    loss size = mean(mean(y * y))\n    optimiser sgd(rate = 0.1)\n    batch T = 4\n    steps 60\n  }\n}\n',
)

const contentsOf = (name: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    readdirSync(join(folder, name))
      .sort()
      .map((file) => [file, readFileSync(join(folder, name, file), 'latin1')]),
  )

test('a disk that takes no more leaves what was there, and nothing else', { ...IN_LONG_ALONE, timeout: 120_000 }, () => {
  expect(node('', 'compile', 'layer.smoe', '-o', 'full').status).toBe(0)
  const before = [contentsOf('full'), readdirSync(folder)]
  const large = 'the file would be too large (EFBIG)\n'
  expect(within(8, 'compile', 'layer.smoe', '-o', 'full', '--set', 'D=16')).toMatchObject({
    status: 2,
    stderr: `smoe: 'full/plan.json' cannot be written: ${large}`,
  })
  expect(within(8, 'compile', 'layer.smoe', '-o', 'new')).toMatchObject({
    status: 2,
    stderr: `smoe: 'new/plan.json' cannot be written: ${large}`,
  })
  expect([contentsOf('full'), readdirSync(folder)]).toEqual(before)
  const shell = started('bash', [
    '-c',
    `ulimit -f 8; "${process.execPath}" "${process.cwd()}/scripts/run.mjs" cli/main.ts explain layer.smoe --stage plan --format json > plan.json`,
  ])
  expect(shell).toMatchObject({ status: 2, stderr: `smoe: 'standard output' cannot be written: ${large}` })
})

test(
  'a run that the disk stopped says which file, and goes on when there is room again',
  { ...IN_LONG_ALONE, timeout: 120_000 },
  () => {
    writeFileSync(join(folder, 'learns.smoe'), LEARNS)
    writeFileSync(
      join(folder, 'x.safetensors'),
      encodeSafetensors({ x: { shape: [16, 8], data: Float32Array.from({ length: 128 }, (_, at) => Math.sin(at)) } }),
    )
    const train = [
      'train',
      'learns.smoe',
      '--data',
      'x.safetensors',
      '--split',
      '0',
      '--device',
      'reference',
      '--save-every',
      '5',
      '--out',
    ] as const
    expect(node('', ...train, 'whole').status).toBe(0)
    const stopped = within(16, ...train, 'run')
    expect(stopped.stderr).toMatch(
      /smoe: '\S*run\/\S+' cannot be written: the file would be too large \(EFBIG\)\n {2}files that were saved before are unchanged\n$/,
    )
    expect(stopped.status).toBe(2)
    const files = readdirSync(join(folder, 'run'), { recursive: true, encoding: 'utf8' })
    expect(files.filter((name) => /part$|lock/.test(name))).toEqual([])
    const resumed = node('', ...train, 'run', '--resume', 'run')
    expect(resumed.status, resumed.stderr).toBe(0)
    const last = 'checkpoints/step-00000060.safetensors'
    expect(readFileSync(join(folder, 'run', last)).equals(readFileSync(join(folder, 'whole', last)))).toBe(true)
  },
)
