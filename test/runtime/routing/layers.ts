/** Routed layers for tests. */
import fc from 'fast-check'
import type { RoutedLayer } from '../../../runtime/routing/record.ts'

/** A layer from rows of choices; every kept slot counts the same unless weights are given. */
export function layerOf(
  experts: number,
  rows: readonly (readonly number[])[],
  weights?: readonly (readonly number[])[],
  k = rows[0]?.length ?? 1,
): RoutedLayer {
  return {
    name: 'moe',
    experts,
    tokens: rows.length,
    k,
    selected: Int32Array.from(rows.flat()),
    weights: Float64Array.from((weights ?? rows.map((row) => row.map((expert) => (expert < 0 ? 0 : 1 / k)))).flat()),
  }
}

/** Any routing of T tokens to k different experts of E, any of the slots dropped. */
export const anyLayer: fc.Arbitrary<RoutedLayer> = fc
  .record({
    experts: fc.integer({ min: 1, max: 12 }),
    tokens: fc.integer({ min: 0, max: 20 }),
    width: fc.integer({ min: 1, max: 12 }),
    drops: fc.boolean(),
  })
  .chain(({ experts, tokens, width, drops }) => {
    const k = Math.min(width, experts)
    const choice = fc.shuffledSubarray(
      Array.from({ length: experts }, (_, expert) => expert),
      { minLength: k, maxLength: k },
    )
    const slots = fc.tuple(
      choice,
      fc.array(fc.boolean(), { minLength: k, maxLength: k }),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: k, maxLength: k }),
    )
    return fc.array(slots, { minLength: tokens, maxLength: tokens }).map((rows) =>
      layerOf(
        experts,
        rows.map(([chosen, kept]) => chosen.map((expert, at) => (drops && !kept[at] ? -1 : expert))),
        rows.map(([, , weights]) => weights),
        k,
      ),
    )
  })
