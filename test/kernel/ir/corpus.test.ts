/**
 * Kernels of the repository's specs are data, print, parse back and verify. By default a part of the corpus;
 * `CORPUS=whole npx vitest run test/kernel/ir/corpus.test.ts` takes all of it, in some minutes.
 */
import { expect, test } from 'vitest'
import type { KernelProgram } from '../../../compiler/kernel/ir/kernel.ts'
import { profiles } from '../../../scripts/replay/profiles.ts'
import { kernelsOf, specs } from '../../support/kernel-corpus.ts'
import { checkKernel } from './check-kernel.ts'

const isWhole = process.env.CORPUS === 'whole'
/** One of so many: no multiple of the profiles, so that each profile has its share. */
const EVERY = 19
const cases = specs.flatMap((spec) => profiles.map((target) => ({ spec, target }))).filter((_, at) => isWhole || at % EVERY === 0)

const seen = new Map<string, KernelProgram>()

test.each(cases.map(({ spec, target }) => [`${spec.name} @ ${target.name}`, spec, target] as const))(
  '%s',
  { timeout: 300_000 },
  (_, spec, target) => {
    for (const kernel of kernelsOf(spec, target, seen)) checkKernel(kernel, target)
  },
)

test('the corpus has kernels of every template', () => {
  const templates = new Set([...seen.values()].map(({ template }) => template))
  expect([...templates]).toEqual(expect.arrayContaining(['matmul', 'elementwise']))
  expect(seen.size).toBeGreaterThan(isWhole ? 1000 : 100)
})
