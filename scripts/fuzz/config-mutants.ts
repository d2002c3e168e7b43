/** Mutated `config.json` files: values that change type or size, fields that are gone or another model's, damaged text. */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { createRandom } from '../../cli/random.ts'
import type { Layout } from '../../cli/import/names/source.ts'
import type { Random } from './mutate.ts'
import { below, pick, placeIn, removeAt, setAt, valueOf, type Json } from './values.ts'

export interface ConfigMutant {
  readonly index: number
  /** What was done, for messages. */
  readonly edits: readonly string[]
  readonly text: string
  readonly layout: Layout
}

type Config = Record<string, Json>

let read: readonly Config[] | null = null

// from the root of the project, where npm runs scripts
const FOLDERS = ['test/fixtures/architectures', 'test/fixtures/checkpoints']

/** Configs that import, at least one a row of the table. */
const corpus = (): readonly Config[] =>
  (read ??= FOLDERS.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => basename(name) === 'config.json')
      .sort()
      .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Config),
  ))

/** Values that fields of configs have, and those at which sizes change what they mean. */
const VALUES: readonly Json[] = [
  ...[0, 1, 2, 3, 4, 5, 7, 8, 16, 64, 1000, 65_536, 1_000_000, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53],
  ...[-1, 0.5, 1.5, 1e-6, 1e-46, 1e38, 1e39, 1e308, -0],
  ...['silu', 'gelu', 'yarn', 'longrope', 'llama3', 'linear', 'dynamic', 'softmax', 'sigmoid', 'noaux_tc', 'auto', 'prototype'],
  ...['full_attention', 'sliding_attention', 'conv', 'dense', 'sparse'].map((name) => Array.from({ length: 3 }, () => name)),
  Array.from({ length: 50_000 }, (_, at) => (at % 7 === 0 ? 'full_attention' : 'sliding_attention')),
  Array.from({ length: 50_000 }, (_, at) => at),
  [1, 1.5, 2],
]

const otherConfig = (random: Random): Config => pick(corpus(), random)

type Edit = readonly [name: string, change: (config: Config, random: Random) => void]

const withPlace =
  (change: (config: Config, random: Random, put: (value: Json) => void) => void) =>
  (config: Config, random: Random): void => {
    const place = placeIn(config, random)
    if (place !== null) change(config, random, (value) => setAt(place, value))
  }

const EDITS: readonly Edit[] = [
  ['value', withPlace((_, random, put) => put(structuredClone(pick(VALUES, random))))],
  ['odd value', withPlace((_, random, put) => put(valueOf(random)))],
  [
    'removed',
    (config, random) => {
      const place = placeIn(config, random)
      if (place !== null) removeAt(place)
    },
  ],
  [
    'another field',
    (config, random) => {
      const other = otherConfig(random)
      const key = pick(Object.keys(other), random)
      config[key] = structuredClone(other[key])
    },
  ],
  ['another type', (config, random) => void (config.model_type = otherConfig(random).model_type)],
  [
    'added',
    (config, random) => void (config[pick(Object.keys(otherConfig(random)), random)] = structuredClone(pick(VALUES, random))),
  ],
  [
    'rope',
    (config, random) => {
      const type = pick(['linear', 'dynamic', 'yarn', 'llama3', 'longrope', 'default', 'other'], random)
      const factors = Array.from({ length: below(random, 5) }, () => 1 + random())
      config.rope_parameters = { rope_type: type, factor: 2, rope_theta: 1e4, short_factor: factors, long_factor: factors }
    },
  ],
]

/** Changes the text: it ends early, a token is another, or a piece is there twice. */
function damage(text: string, random: Random): string {
  const at = below(random, text.length + 1)
  const end = Math.min(text.length, at + below(random, 60))
  const put = pick(
    ['', '{', ']', 'NaN', '-Infinity', '"', '\\ud800', '\u0000', '1e999', '[['.repeat(400), text.slice(at, end)],
    random,
  )
  return random() < 0.2 ? text.slice(0, at) : text.slice(0, at) + put + text.slice(end)
}

/** The golden ratio in 32 bits spreads consecutive indices over all seeds. */
const seedOf = (seed: number, index: number): number => (seed ^ Math.imul(index + 1, 0x9e3779b1)) >>> 0

/** A function of the seed and the index. */
export function configMutant(seed: number, index: number): ConfigMutant {
  const random = createRandom(seedOf(seed, index))
  const config = structuredClone(otherConfig(random))
  const edits: string[] = []
  for (let count = below(random, 5); count > 0; count--) {
    const [name, change] = pick(EDITS, random)
    change(config, random)
    edits.push(name)
  }
  const text = JSON.stringify(config, null, 1)
  const isDamaged = random() < 0.1
  if (isDamaged) edits.push('damaged')
  return { index, edits, text: isDamaged ? damage(text, random) : text, layout: random() < 0.5 ? 'hub' : 'fused' }
}
