import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { buildSync } from 'esbuild'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { stageFile, textPieces, writeFileWhole } from '../../../runtime/files/index.ts'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'smoe-signal-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
})

const at = (...names: readonly string[]): string => join(root, ...names)

describe('a signal ends the process, and leaves no draft, when it arrives', () => {
  test.each([
    ['before the renames', 'before'],
    ['after them, while the replaced directory is removed', 'after'],
    ['while the next output is open', 'next'],
  ])('%s', (_, moment) => {
    const program = at('program.mjs')
    buildSync({
      entryPoints: [join(import.meta.dirname, 'signalled.ts')],
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: program,
    })
    mkdirSync(at('work/out'), { recursive: true })
    writeFileSync(at('work/out/mine'), 'mine')
    const { signal, stdout, stderr } = spawnSync(process.execPath, [program, at('work'), moment], { encoding: 'utf8' })
    expect({ signal, stdout, stderr }).toEqual({ signal: 'SIGTERM', stdout: '', stderr: '' })
    expect(readdirSync(at('work'))).toEqual(['out'])
    expect(readdirSync(at('work/out'))).toEqual(['mine', 'new'])
  })
})

test('signals have their default action again two turns of the event loop after the last output', async () => {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'exit']
  const counts = (): readonly number[] => signals.map((signal) => process.listenerCount(signal))
  const before = counts()
  const watched = before.map((count) => count + 1)
  await writeFileWhole(at('first'), textPieces('first'))
  const second = await stageFile(at('second'), textPieces('second'))
  for (let turns = 0; turns < 3; turns++) await setImmediate()
  expect(counts()).toEqual(watched)
  second.discard()
  expect(counts()).toEqual(watched)
  for (let turns = 0; turns < 3; turns++) await setImmediate()
  expect(counts()).toEqual(before)
})
