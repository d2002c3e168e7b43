import { describe, expect, test } from 'vitest'
import { moved, reroute } from '../../cli/reroute/rewrite.ts'
import { withExperts } from '../../cli/reroute/experts.ts'
import { parse } from '../../grammar/parse.ts'

const source = (text: string): { path: string; text: string } => ({ path: 'a.smoe', text })
const blend = { policy: 'spectral', alpha: 0.9, topC: 20 } as const

const layer = (route: string, imports = 'import { top_k } from "std/policies/top_k"'): string => `${imports}
import { swiglu } from "std/experts/swiglu"

/// What the model is.
model layer(D: int = 8, E: int = 4, k: int in 1..E = 2) {
  input x: f32[T, D]
  // before
  output y: f32[T, D] = moe(x) {  // opens
    experts E of swiglu(F = 12)
    // why
    ${route}  // beside
    require dropless
  }
}
`

function textOf(route: string, imports?: string): string {
  const made = reroute(source(layer(route, imports)), blend)
  if (made.kind === 'refused') throw new Error(made.message)
  expect(parse(source(made.text)).diagnostics).toEqual([])
  return made.text
}

const routes: readonly [string, string, string?][] = [
  ['route top_k(k = k)', 'route spectral(k = k, alpha = 0.9, c = 20, renormalise = true)'],
  ['route top_k(k, false)', 'route spectral(k = k, alpha = 0.9, c = 20, renormalise = false)'],
  ['route top_k(k = 2 * 1, renormalise = false)', 'route spectral(k = 2 * 1, alpha = 0.9, c = 20, renormalise = false)'],
  ['route top_k()', 'route spectral(k = 2, alpha = 0.9, c = 20, renormalise = true)'],
  ['route top_k(k = k) as gates', 'route spectral(k = k, alpha = 0.9, c = 20, renormalise = true) as gates'],
  [
    'route best(k = k)',
    'route spectral(k = k, alpha = 0.9, c = 20, renormalise = true)',
    'import { top_k as best } from "std/policies/top_k"',
  ],
  [
    'route softmax_of_top_k(k, true)',
    'route spectral(k = k, alpha = 0.9, c = 20, renormalise = true, biases = true)',
    'import { softmax_of_top_k } from "std/policies/softmax_of_top_k"',
  ],
  [
    'route top_k(k = k, renormalise = false, scale = 1.5)',
    'route spectral(k = k, alpha = 0.9, c = 20, renormalise = false, scale = 1.5)',
  ],
  [
    'route spectral(k = k, alpha = 0.5, renormalise = true)',
    'route spectral(k = k, alpha = 0.9, c = 20, renormalise = true)',
    'import { spectral } from "std/policies/spectral"',
  ],
  [
    'route spectral(k, 0.5, 10)',
    'route spectral(k = k, alpha = 0.9, c = 20, renormalise = false)',
    'import { spectral } from "std/policies/spectral"',
  ],
]

describe('a route', () => {
  for (const [before, after, imports] of routes) {
    test(`${before} becomes ${after}`, () => {
      expect(textOf(before, imports)).toBe(layer(after, 'import { spectral } from "std/policies/spectral"'))
    })
  }

  test('a name that is taken gets another', () => {
    const text = textOf(
      'route top_k(k = k)',
      'import { top_k } from "std/policies/top_k"\nimport { blend as spectral } from "./mine"',
    )
    expect(text).toContain('import { spectral as spectral_2 } from "std/policies/spectral"')
    expect(text).toContain('route spectral_2(k = k, ')
  })

  test('by weights divided by another norm than their sum is refused', () => {
    for (const route of ['route top_k(k = k, power = 2.0)', 'route top_k(k, true, 2.0)']) {
      const message = `\`${route}\`: spectral has no parameter 'power'`
      expect(reroute(source(layer(route)), blend)).toEqual({ kind: 'refused', message })
    }
  })

  test('of a policy that is not known is refused', () => {
    const imports = 'import { sigmoid_top_k } from "std/policies/sigmoid_top_k"'
    expect(reroute(source(layer('route sigmoid_top_k(k = k)', imports)), blend)).toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('`route sigmoid_top_k(k = k)`'),
    })
  })

  test('has to be there', () => {
    expect(reroute(source('model none(D: int = 2) {\n  input x: f32[B, D]\n  output y = x\n}\n'), blend)).toMatchObject({
      kind: 'refused',
    })
  })

  test('rerouted again is the same', () => {
    const once = textOf('route top_k(k = k)')
    const twice = reroute(source(once), blend)
    expect(twice).toMatchObject({ kind: 'spec', text: once, wasPlain: false })
  })
})

test('relative imports follow the file, those of the library stay', () => {
  const text = 'import { a } from "./mine"\nimport { swiglu } from "std/experts/swiglu"\n'
  expect(moved(source(text), (path) => `../there/${path.slice(2)}`)).toBe(text.replace('./mine', '../there/mine'))
})

describe('a number of experts', () => {
  test('is the default of a parameter', () => {
    expect(withExperts(source(layer('route top_k(k = k)')), 3)).toBe(
      layer('route top_k(k = k)').replace('E: int = 4', 'E: int = 3'),
    )
  })

  test('is written out', () => {
    const text = layer('route top_k(k = 2)').replace('experts E of', 'experts 4 of')
    expect(withExperts(source(text), 3)).toBe(text.replace('experts 4 of', 'experts 3 of'))
  })

  test('is computed: not told', () => {
    expect(withExperts(source(layer('route top_k(k = 2)').replace('experts E of', 'experts 2 * E of')), 3)).toBeNull()
  })
})
