import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isInstalled } from '../../../bench/peers/install.ts'

test('a package is installed where each library is there, in the version that it pins', () => {
  const folder = mkdtempSync(join(tmpdir(), 'smoe-'))
  const home = join(folder, 'node_modules/one')
  const write = (version: string): void => writeFileSync(join(home, 'package.json'), JSON.stringify({ version }))
  try {
    writeFileSync(join(folder, 'package.json'), '{ "dependencies": { "one": "1.0.0" } }')
    expect(isInstalled(folder)).toBe(false)
    mkdirSync(home, { recursive: true })
    write('1.1.0')
    expect(isInstalled(folder)).toBe(false)
    write('1.0.0')
    expect(isInstalled(folder)).toBe(true)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
