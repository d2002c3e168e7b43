/** `npm run fuzz -- properties`: every property test with more samples than `npm test` draws. */
import { spawnSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { say } from './loop.ts'
import type { FuzzOptions } from './options.ts'

const DRAWS = /\b(assertProperty|fuzzRuns)\b/

/** Test files that draw samples, of those with one of the texts in their path. */
export const propertyTests = (root: string, paths: readonly string[]): readonly string[] =>
  readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .map((name) => `test/${name.replaceAll('\\', '/')}`)
    .filter((file) => file.endsWith('.test.ts') && (paths.length === 0 || paths.some((text) => file.includes(text))))
    .filter((file) => DRAWS.test(readFileSync(join(root, file), 'utf8')))
    .toSorted()

/** 1 where a property fails: the tests print its sample and the command line that draws it again. */
export async function fuzzProperties({ runs, seed, paths }: FuzzOptions): Promise<number> {
  const files = propertyTests(process.cwd(), paths)
  if (files.length === 0) throw new RangeError(`no property tests in files with ${paths.join(' or ')} in their path`)
  say(`properties of ${files.length} test files, ${runs} times their samples, seed ${seed}`)
  const env = { ...process.env, FUZZ_RUNS: String(runs), FUZZ_SEED: String(seed) }
  const { status } = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...files], { env, stdio: 'inherit' })
  if (status !== 0) say('write a sample that failed, its seed and what was wrong into test/support/failed-seeds.ts')
  return status === 0 ? 0 : 1
}
