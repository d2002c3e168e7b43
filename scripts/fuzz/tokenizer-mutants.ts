/** Mutated `tokenizer.json` files: by bytes, by their values, and with components that never end or grow without bound. */
import { readFileSync } from 'node:fs'
import { createRandom } from '../../cli/random.ts'
import type { Random } from './mutate.ts'
import { below, pick, placeIn, removeAt, setAt, valueAt, valueOf, type Json } from './values.ts'

export interface TokenizerMutant {
  readonly index: number
  /** What was done, for messages. */
  readonly edits: readonly string[]
  readonly bytes: Uint8Array
  readonly text: string
}

interface Corpus {
  readonly texts: readonly string[]
  readonly cases: readonly { readonly tokenizer: Json }[]
}

let read: Corpus | null = null

/** Tokenizers that are valid, and texts. */
const corpus = (): Corpus => (read ??= JSON.parse(readFileSync('test/fixtures/tokenizers/cases.json', 'utf8')) as Corpus)

/** Patterns that backtrack for years on the texts of the corpus, or that no engine takes. */
const PATTERNS = [
  '(x+x+)+y',
  '(x|x)*y',
  '(.*)*=',
  '([\\s\\S]+)+$z',
  '^(([a-z])+.)+[A-Z]([a-z])+$',
  '(?:\\w+\\s?)+#',
  '[',
  '(',
  '(?<',
  '\\p{Nope}',
  '[[[[a]&&b]&&c]',
  `${'('.repeat(3000)}x${')'.repeat(3000)}`,
  `${'['.repeat(300)}x${']'.repeat(300)}`,
  'x{1000}{1000}{1000}',
  '(x{0,1000}){0,1000}y',
  `${'x?'.repeat(60)}${'x'.repeat(60)}`,
  '',
  '(?=)',
]

const regex = (pattern: string): Json => ({ Regex: pattern })

/** Components that take very long, or make a text that is very long. */
const COMPONENTS: readonly ((random: Random) => readonly ['normalizer' | 'pre_tokenizer', Json])[] = [
  (random) => [
    'pre_tokenizer',
    {
      type: 'Split',
      pattern: regex(pick(PATTERNS, random)),
      behavior: pick(['Isolated', 'Removed'], random),
      invert: random() < 0.5,
    },
  ],
  (random) => ['normalizer', { type: 'Replace', pattern: regex(pick(PATTERNS, random)), content: 'y' }],
  (random) => [
    'normalizer',
    {
      type: 'Sequence',
      normalizers: Array.from({ length: 1 + below(random, 200) }, () => ({
        type: 'Replace',
        pattern: { String: 'x' },
        content: 'x'.repeat(1 + below(random, 5)),
      })),
    },
  ],
  () => ['normalizer', { type: 'Replace', pattern: regex('.'), content: 'x'.repeat(5_000_000) }],
  () => ['normalizer', { type: 'Prepend', prepend: 'long '.repeat(1_000_000) }],
  () => [
    'pre_tokenizer',
    { type: 'Sequence', pretokenizers: Array.from({ length: 300 }, () => ({ type: 'Digits', individual_digits: true })) },
  ],
]

type Edit = readonly [name: string, change: (tokenizer: Json, random: Random) => void]

const EDITS: readonly Edit[] = [
  [
    'value',
    (tokenizer, random) => {
      const place = placeIn(tokenizer, random)
      if (place !== null) setAt(place, valueOf(random))
    },
  ],
  [
    'removed',
    (tokenizer, random) => {
      const place = placeIn(tokenizer, random)
      if (place !== null) removeAt(place)
    },
  ],
  [
    'moved',
    (tokenizer, random) => {
      const [from, to] = [placeIn(pick(corpus().cases, random).tokenizer, random), placeIn(tokenizer, random)]
      if (from !== null && to !== null) setAt(to, structuredClone(valueAt(from)))
    },
  ],
  [
    'component',
    (tokenizer, random) => {
      const [name, component] = pick(COMPONENTS, random)(random)
      const whole = tokenizer as Record<string, Json>
      const list = name === 'normalizer' ? 'normalizers' : 'pretokenizers'
      whole[name] = random() < 0.5 || whole[name] == null ? component : { type: 'Sequence', [list]: [whole[name], component] }
    },
  ],
]

/** Of seven edits one is a component: half of these never end, and cost their deadline. */
const WEIGHED: readonly Edit[] = EDITS.flatMap((edit) => (edit[0] === 'component' ? [edit] : [edit, edit]))

const encoder = new TextEncoder()

/** Changes bytes of the file: it ends early, has noise, or a piece twice. */
function damage(bytes: Uint8Array, random: Random): readonly [string, Uint8Array] {
  const at = below(random, bytes.length + 1)
  const end = Math.min(bytes.length, at + below(random, 200))
  const kind = below(random, 3)
  if (kind === 0) return ['truncated', bytes.slice(0, at)]
  const put = kind === 1 ? Uint8Array.from({ length: below(random, 8) }, () => below(random, 256)) : bytes.slice(at, end)
  const result = new Uint8Array(bytes.length + put.length)
  result.set(bytes.subarray(0, at))
  result.set(put, at)
  result.set(bytes.subarray(at), at + put.length)
  return [kind === 1 ? 'noise' : 'repeated', result]
}

/** The golden ratio in 32 bits spreads consecutive indices over all seeds. */
const seedOf = (seed: number, index: number): number => (seed ^ Math.imul(index + 1, 0x9e3779b1)) >>> 0

/** A function of the seed and the index. */
export function tokenizerMutant(seed: number, index: number): TokenizerMutant {
  const random = createRandom(seedOf(seed, index))
  const { texts, cases } = corpus()
  const tokenizer = structuredClone(pick(cases, random).tokenizer)
  const edits: string[] = []
  for (let count = below(random, 4); count > 0; count--) {
    const [name, change] = pick(WEIGHED, random)
    change(tokenizer, random)
    edits.push(name)
  }
  let bytes: Uint8Array = encoder.encode(JSON.stringify(tokenizer))
  if (edits.length === 0 || random() < 0.1) {
    const [name, damaged] = damage(bytes, random)
    edits.push(name)
    bytes = damaged
  }
  return { index, edits, bytes, text: `${pick(texts, random)}${'x'.repeat(40)}` }
}
