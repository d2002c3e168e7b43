/** The cache of bundles: what is damaged is made again, never run. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { root } from '../support/sources.ts'

const ENTRY = 'test/scripts/hello.ts'
const cache = join(root, '.cache/run/test-scripts-hello')
afterAll(() => rmSync(cache, { recursive: true, force: true }))

function hello(): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'scripts/run.mjs'), ENTRY], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  expect({ status, stdout }, stderr).toEqual({ status: 0, stdout: 'hello\n' })
}

test('a damaged bundle, or a damaged stamp of one, is made again', () => {
  hello()
  const [main, stamp] = [join(cache, 'main.js'), join(cache, 'stamp.json')]
  const sound = readFileSync(main, 'utf8')
  const damages: readonly (() => void)[] = [
    () => writeFileSync(main, sound.replace('hello', 'hullo')),
    () => truncateSync(main, 10),
    () => rmSync(main),
    () => writeFileSync(stamp, '{'),
    () => writeFileSync(stamp, '{}'),
    () => rmSync(stamp),
  ]
  for (const damage of damages) {
    damage()
    hello()
    expect(readFileSync(main, 'utf8')).toBe(sound)
  }
  expect(readdirSync(cache).sort()).toEqual(['main.js', 'stamp.json'])
}, 120_000)
