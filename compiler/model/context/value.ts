/** The value of an expression while a model is checked: a tensor term, or a compile-time value. */
import type { Term } from '../model.ts'
import type { Static } from '../static/static.ts'

export type Value =
  | { readonly kind: 'static'; readonly static: Static }
  | { readonly kind: 'tensor'; readonly term: Term }
  | { readonly kind: 'list'; readonly items: readonly Value[] }
  /** The value after a mistake; what depends on it is not reported. */
  | { readonly kind: 'unknown' }

export const UNKNOWN: Value = { kind: 'unknown' }
export const ofStatic = (value: Static): Value => ({ kind: 'static', static: value })
export const ofTerm = (term: Term): Value => ({ kind: 'tensor', term })

/** `f32[B, S, D]`, `int`: how messages call a value. */
export function typeText(value: Value): string {
  switch (value.kind) {
    case 'static':
      return value.static.type
    case 'tensor':
      return termTypeText(value.term)
    case 'list':
      return 'list'
    case 'unknown':
      return 'unknown'
    default:
      return value satisfies never
  }
}

export const termTypeText = ({ dtype, shape }: Pick<Term, 'dtype' | 'shape'>): string =>
  `${dtype}[${shape.map((size) => size.key).join(', ')}]`
