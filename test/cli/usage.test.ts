import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { runCommandLine } from '../../cli/program.ts'
import { LAYER, place } from './harness.ts'

test('--help lists the commands on stdout', async () => {
  const { code, out, err } = await place().smoe('--help')
  expect({ code, err }).toEqual({ code: 0, err: '' })
  for (const name of ['check', 'fmt', 'compile', 'explain', 'run', 'import', 'bench', 'doctor'])
    expect(out).toMatch(new RegExp(`^  ${name} `, 'm'))
})

test('help of a command lists its options', async () => {
  const { code, out } = await place().smoe('run', '--help')
  expect(code).toBe(0)
  for (const option of ['--weights', '--in', '--out', '--device', '--set', '--profile']) expect(out).toContain(option)
})

test('--version is the version of the package', async () => {
  expect(await place().smoe('--version')).toEqual({ code: 0, out: '0.1.0\n', err: '' })
})

const wrong: readonly [string, readonly string[], RegExp][] = [
  ['an unknown command', ['chek', 'a.smoe'], /unknown command 'chek'\n\(Did you mean check\?\)/],
  ['an unknown option', ['check', 'layer.smoe', '--formt', 'json'], /unknown option '--formt'\n\(Did you mean --format\?\)/],
  ['a value that is no choice', ['check', 'layer.smoe', '--format', 'xml'], /Allowed choices are text, json/],
  ['a missing argument', ['compile', 'layer.smoe'], /required option '-o, --output <dir>' not specified/],
  ['a missing stage', ['explain', 'layer.smoe'], /required option '--stage <stage>'/],
  ['a file that is not there', ['check', 'leyer.smoe'], /there is no file 'leyer.smoe'\n {2}did you mean 'layer.smoe'\?/],
  ['a folder that is not there', ['check', 'specs/layer.smoe'], /there is no folder 'specs'/],
  ['a folder in place of a file', ['check', '.'], /'.' is a directory, not a regular file/],
  ['a setting without a value', ['check', 'layer.smoe', '--set', 'D'], /'D' is not a setting\n {2}write NAME=VALUE/],
  ['no command', [], /Usage: smoe/],
]

for (const [name, args, message] of wrong) {
  test(`${name} is a matter of usage`, async () => {
    const { code, out, err } = await place({ 'layer.smoe': LAYER }).smoe(...args)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toMatch(message)
  })
}

test('a fault of ours ends with 70 and says how to report it', async () => {
  let err = ''
  const code = await runCommandLine(['check', '-'], {
    out: () => {},
    err: (text) => void (err += text),
    outHasColor: false,
    errHasColor: false,
    errIsLive: false,
    columns: 80,
    path: (typed) => typed,
    lines: () => Readable.from([]),
    readInput: () => {
      throw new Error('the input is on fire')
    },
  })
  expect(code).toBe(70)
  expect(err).toMatch(
    /This is a fault of smoe, not of your spec\.\n\nError: the input is on fire\n {4}at [\s\S]*smoe 0\.1\.0, node [\s\S]*smoe check -\n\nPlease report it/,
  )
})
