/**
 * `npm run fuzz -- TARGET`: mutated inputs, each of which must end in a result or in a typed refusal; or more samples of every
 * property test.
 */
import { parseArgs } from 'node:util'
import type { FuzzOptions } from './fuzz/options.ts'

/** Each returns how many inputs failed. */
const TARGETS: Readonly<Record<string, () => Promise<(options: FuzzOptions) => Promise<number>>>> = {
  specs: async () => (await import('./fuzz/specs-run.ts')).fuzzSpecs,
  checkpoints: async () => (await import('./fuzz/checkpoints-run.ts')).fuzzCheckpoints,
  gguf: async () => (await import('./fuzz/checkpoints-run.ts')).fuzzGguf,
  configs: async () => (await import('./fuzz/configs-run.ts')).fuzzConfigs,
  tokenizers: async () => (await import('./fuzz/tokenizers-run.ts')).fuzzTokenizers,
  properties: async () => (await import('./fuzz/properties-run.ts')).fuzzProperties,
}

const USAGE = `npm run fuzz -- specs|checkpoints|gguf|configs|tokenizers [--count N] [--seed S] [--only INDEX] [--runs N --device NAME]
npm run fuzz -- properties [TEXT...] [--runs N] [--seed S]
  --count   inputs to make (1000)
  --seed    the same seed makes the same inputs; printed where none is given
  --only    one input of that seed, written out
  --runs    of the specs that are accepted, how many run on the device and on the reference (0);
            of properties, how many times the samples that \`npm test\` draws (10)
  --device  swiftshader, lavapipe, gpu, auto (swiftshader)
  TEXT      property tests in files with this in their path; all where none is given`

const whole = (text: string | undefined, otherwise: number): number => {
  const value = text === undefined ? otherwise : Number(text)
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`'${text}' is not a whole number`)
  return value
}

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      count: { type: 'string' },
      seed: { type: 'string' },
      only: { type: 'string' },
      runs: { type: 'string' },
      device: { type: 'string' },
    },
  })
  const [target, ...paths] = positionals
  if (target === undefined || !Object.hasOwn(TARGETS, target))
    throw new RangeError(target === undefined ? 'what to fuzz is missing' : `'${target}' cannot be fuzzed`)
  const fuzz = await TARGETS[target]()
  const failed = await fuzz({
    count: whole(values.count, 1000),
    seed: whole(values.seed, Math.floor(Math.random() * 2 ** 31)),
    only: values.only === undefined ? null : whole(values.only, 0),
    runs: whole(values.runs, target === 'properties' ? 10 : 0),
    device: values.device ?? 'swiftshader',
    paths,
  })
  process.exitCode = failed > 0 ? 1 : 0
} catch (problem) {
  if (!(problem instanceof RangeError || problem instanceof TypeError)) throw problem
  process.stderr.write(`${problem.message}\n\n${USAGE}\n`)
  process.exitCode = 2
}
