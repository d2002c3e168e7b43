/** Sizes of the plan as integer arithmetic on the dims of the run. */
import type { Atom, Dim } from '../../../plan/dim.ts'
import { keep, minimum } from '../integers.ts'
import type { Gang } from './gang.ts'

/** A size from the dims of the run. */
export function emitDim(gang: Pick<Gang, 'body' | 'dim'>, dim: Dim): void {
  const { body } = gang
  const atom = (x: Atom): void => {
    if (x.kind === 'symbol') return body.get(gang.dim(x.name))
    const part = (dim: Dim): number => keep(body, () => emitDim(gang, dim))
    if (x.kind === 'min') {
      const [left, right] = [part(x.left), part(x.right)]
      return minimum(body, () => body.get(left), right)
    }
    const [a, b] = [part(x.numerator), part(x.divisor)]
    body.get(a)
    if (x.kind === 'ceil') {
      body.get(b)
      body.i32(1)
      body.op('i32.sub')
      body.op('i32.add')
    }
    body.get(b)
    body.op('i32.div_u')
  }
  if (dim.terms.length === 0) return body.i32(0)
  dim.terms.forEach(({ coefficient, factors }, at) => {
    body.i32(coefficient)
    for (const factor of factors) {
      atom(factor)
      body.op('i32.mul')
    }
    if (at > 0) body.op('i32.add')
  })
}
