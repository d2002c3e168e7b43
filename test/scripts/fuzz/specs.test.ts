/** A share of `npm run fuzz -- specs`, with a seed of its own each time. */
import { expect, test } from 'vitest'
import { lower } from '../../../compiler/lower/lower.ts'
import { corpus, load } from '../../../scripts/fuzz/corpus.ts'
import { createFuzzer, modelOf } from '../../../scripts/fuzz/specs.ts'
import { summarise } from '../../../scripts/fuzz/specs-run.ts'
import { fuzzRuns, fuzzSeed } from '../../support/property.ts'
import { inRun, MORE_IN_LONG } from '../../support/runs.ts'

const specs = corpus()
const count = fuzzRuns(inRun({ short: 30, long: 300, whole: 300 }))

test('a mutant is a function of the seed and its index', () => {
  const texts = (): readonly string[] => [0, 1, 17].map((index) => createFuzzer(5, specs).mutant(index).changed.text)
  expect(texts()).toEqual(texts())
  expect(createFuzzer(6, specs).mutant(0).changed.text).not.toBe(texts()[0])
})

test('mutants compile for each target or end in diagnostics', { ...MORE_IN_LONG, timeout: 60_000 + count * 500 }, () => {
  const seed = fuzzSeed()
  const fuzzer = createFuzzer(seed, specs)
  const all = Array.from({ length: count }, (_, index) => fuzzer.examine(fuzzer.mutant(index)))
  // the processor time of a crowded machine says nothing here
  const failures = all.flatMap((examined) => examined.failures).filter(({ kind }) => kind !== 'slow')
  expect(summarise(failures), `npm run fuzz -- specs --seed ${seed} --count ${count}`).toEqual([])
  expect(all.filter(({ compiled }) => compiled === true).length).toBeGreaterThan(count / 100)
})

test('what throws, and what is refused without a reason, is a failure', () => {
  const main = { path: 'mutant.smoe', text: 'import { f } from "./f"\nmodel m() {\n  input x: f32[B]\n  output y = f(x)\n}\n' }
  const broken = {
    index: 0,
    main,
    changed: main,
    load: () => {
      throw new Error('planted')
    },
  }
  const { failures } = createFuzzer(1, specs).examine(broken)
  expect(failures.map(({ stage, kind, message }) => [stage, kind, message.slice(0, 14)])).toEqual([
    ['check', 'threw', 'Error: planted'],
  ])
})

test('models of the corpus are valid', () => {
  const models = specs.map(({ main }) => modelOf(main, load)).filter((model) => model !== null)
  expect(models.length).toBeGreaterThan(30)
  expect(models.every((model) => lower(model).outputs.length > 0)).toBe(true)
})
