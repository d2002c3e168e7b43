/** Layers and tokens for properties: every constraint by itself and with others, and the corners of sizes and loads. */
import fc from 'fast-check'
import type { Layer, Limit, Rules } from './layer.ts'
import { KINDS, type Kind, type Problem } from './tokens.ts'

export interface Case {
  readonly layer: Layer
  readonly problem: Problem
}

type RulesOf = (sizes: Pick<Layer, 'E' | 'k'>) => fc.Arbitrary<Rules>

const just = (rules: Rules): fc.Arbitrary<Rules> => fc.constant(rules)
const capacities = fc.constantFrom('0.1', '0.25', '0.5', '0.75', '0.9', '1', '1.05', '1.25', '1.5', '2', '3')
const capacity = (overflow: 'drop' | 'next' | 'shared'): fc.Arbitrary<Limit> =>
  capacities.map((factor) => ({ kind: 'capacity', factor, overflow }))
const mostTokens = fc.integer({ min: 1, max: 6 }).map((tokens): Limit => ({ kind: 'at-most', tokens }))
const above = fc.integer({ min: -6, max: 6 })
const biases = (E: number): fc.Arbitrary<readonly number[]> =>
  fc.array(fc.integer({ min: -8, max: 8 }), { minLength: E, maxLength: E })

/** Every way to keep N of G groups that hold k experts. */
function groups({ E, k }: Pick<Layer, 'E' | 'k'>): fc.Arbitrary<NonNullable<Rules['groups']>> {
  const divisors = Array.from({ length: E }, (_, i) => i + 1).filter((count) => E % count === 0)
  return fc.constantFrom(
    ...divisors.flatMap((count) =>
      Array.from({ length: count }, (_, i) => ({ count, keep: i + 1 })).filter(({ keep }) => keep * (E / count) >= k),
    ),
  )
}

const sometimes = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined })

/** Rules with what is undefined left out. */
const defined = (rules: { readonly [K in keyof Rules]: Rules[K] | undefined }): Rules =>
  Object.fromEntries(Object.entries(rules).filter(([, value]) => value !== undefined))

export const CONSTRAINTS = {
  dropless: () => just({ words: ['dropless'] }),
  'each token K experts': ({ k }) => just({ words: [`each token ${k} experts`] }),
  'capacity F overflow drop': () => capacity('drop').map((limit) => ({ limit })),
  'capacity F overflow next': () => capacity('next').map((limit) => ({ limit })),
  'capacity F overflow shared': () => fc.record({ limit: capacity('shared'), shared: fc.integer({ min: 1, max: 3 }) }),
  'at most N tokens an expert': () => mostTokens.map((limit) => ({ limit })),
  'groups G keep N': (sizes) => groups(sizes).map((groups) => ({ groups })),
  'shared experts': () => fc.integer({ min: 1, max: 3 }).map((shared) => ({ shared })),
  'bias balanced at RATE': ({ E }) => biases(E).map((bias) => ({ bias })),
  'balanced within P%': () => just({ words: ['balanced within 5%'] }),
  'expert choice': () => just({ expertChoice: true }),
  'expert choice, of what the policy keeps': () =>
    fc.record({ above, shared: sometimes(fc.constant(1)) }).map((rules) => defined({ ...rules, expertChoice: true })),
  'a policy that keeps some': () => above.map((above) => ({ above })),
  'several together': (sizes) =>
    fc
      .record({
        limit: sometimes(fc.oneof(capacity('drop'), capacity('next'), capacity('shared'), mostTokens)),
        groups: sometimes(groups(sizes)),
        bias: sometimes(biases(sizes.E)),
        above: sometimes(above),
        shared: fc.integer({ min: 1, max: 2 }),
        words: fc.constant(['balanced within 20%']),
      })
      .map(defined),
} satisfies Record<string, RulesOf>

const MOST_TOKENS = 14
const MOST_EXPERTS = 9

export type Sizes = Pick<Layer, 'E' | 'k'>

interface Corner {
  readonly sizes?: fc.Arbitrary<Sizes>
  readonly T?: fc.Arbitrary<number>
  readonly kinds?: readonly Kind[]
}

const sizes = (least: number, k: (E: number) => fc.Arbitrary<number>): fc.Arbitrary<Sizes> =>
  fc.integer({ min: least, max: MOST_EXPERTS }).chain((E) => fc.record({ E: fc.constant(E), k: k(E) }))

/** Cases for a constraint, of any sizes that the corner has or of those given. */
type MadeCorner = (rulesOf: RulesOf, sizes?: fc.Arbitrary<Sizes>) => fc.Arbitrary<Case>

const anySizes = sizes(1, (E) => fc.integer({ min: 1, max: E }))
const everyKind = Object.keys(KINDS) as Kind[]

const corner =
  ({ sizes = anySizes, T = fc.integer({ min: 1, max: MOST_TOKENS }), kinds = everyKind }: Corner): MadeCorner =>
  (rulesOf, of = sizes) =>
    of.chain(({ E, k }) =>
      fc.record({
        // other sizes follow from these two, so that a spec is met more than once
        layer: fc.record({
          E: fc.constant(E),
          k: fc.constant(k),
          features: fc.constant(1 + (E % 4)),
          F: fc.constant(1 + (E % 3)),
          rules: rulesOf({ E, k }),
        }),
        problem: fc.record({ kind: fc.constantFrom(...kinds), T, seed: fc.nat() }),
      }),
    )

const CORNER: Readonly<
  Record<
    'anything' | 'all tokens to one expert' | 'all tokens to one expert and no other' | 'none to an expert' | 'k = E' | 'T = 1',
    Corner
  >
> = {
  anything: {},
  'all tokens to one expert': { kinds: ['all tokens to one expert'] },
  'all tokens to one expert and no other': { kinds: ['all tokens to one expert'], sizes: sizes(1, () => fc.constant(1)) },
  'none to an expert': { kinds: ['none to an expert'], sizes: sizes(2, (E) => fc.integer({ min: 1, max: E - 1 })) },
  'k = E': { sizes: sizes(1, fc.constant) },
  'T = 1': { T: fc.constant(1) },
}
type CornerName = keyof typeof CORNER

const ofAll = <T>(make: (corner: Corner) => T): Record<CornerName, T> =>
  Object.fromEntries(Object.entries(CORNER).map(([name, corner]) => [name, make(corner)])) as Record<CornerName, T>

export const CORNERS = ofAll(corner)
export const CORNER_SIZES = ofAll(({ sizes = anySizes }) => sizes)
