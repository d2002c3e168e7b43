/** `npm run fuzz -- properties`: every property test of the short and the long run with more samples than these draw. */
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
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--passWithNoTests', ...files]
  const failed = ['short', 'long'].filter(
    (run) => spawnSync(process.execPath, vitest, { env: { ...env, TEST_RUN: run }, stdio: 'inherit' }).status !== 0,
  )
  if (failed.length > 0) say('write a sample that failed, its seed and what was wrong into test/support/failed-seeds.ts')
  return failed.length === 0 ? 0 : 1
}
