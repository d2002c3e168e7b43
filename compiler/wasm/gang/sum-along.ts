/**
 * Sums whose terms are rows of memory, one row a thread: four terms of a thread at a time, thread after thread, instead of one
 * term of four threads, which lie anywhere.
 */
import { operandsOf } from '../../scalar/build.ts'
import type { Expression, Statement } from '../../scalar/expression.ts'
import { addUp } from '../add-up.ts'
import { addConstant, keep } from '../integers.ts'
import { forRange } from '../loops.ts'
import { shapeIn, valueType, type Gang, type Variable } from './gang.ts'
import { GANG, UNIFORM, type Shape } from './shape.ts'

type Sum = Statement & { readonly kind: 'reduce' }
type Variables = Map<string, Variable>

const ALONG: Shape = { kind: 'affine', stride: 1, isAligned: true }

const isRow = (shape: Shape): boolean => shape.kind === 'uniform' || (shape.kind === 'affine' && shape.stride === 1)

/** Expressions inside, the one itself included. */
const within = (e: Expression): readonly Expression[] => [e, ...operandsOf(e).flatMap(within)]

const valuesIn = ({ body, value }: Sum): readonly Expression[] =>
  [...body.flatMap((s) => (s.kind === 'let' ? [s.value] : [])), value].flatMap(within)

const indexVariable = (shape: Shape, local: number): Variable => ({ shape, type: 'u32', local })

/** Whether each load is of a row for one thread, and some load is of four places for four threads. */
export function isSumAlong(gang: Gang, s: Sum): boolean {
  if (s.opcode !== 'sum' || s.type !== 'f32' || shapeIn(gang, s.extent).kind !== 'uniform') return false
  if (s.body.some(({ kind }) => kind !== 'let') || valuesIn(s).some(({ kind }) => kind === 'reduce' || kind === 'element'))
    return false
  const uniform = [...gang.variables].map(([name, variable]): [string, Variable] => [name, { ...variable, shape: UNIFORM }])
  const terms = loadShapes(gang, s, new Map(uniform), ALONG)
  return terms.every(isRow) && !loadShapes(gang, s, new Map(gang.variables), UNIFORM).every(isRow)
}

/** The shapes of the indices of all loads, where the variable of the sum has a shape. */
function loadShapes(gang: Gang, s: Sum, variables: Variables, shape: Shape): readonly Shape[] {
  const inside: Gang = { ...gang, variables: variables.set(s.variable, indexVariable(shape, 0)) }
  const shapes = (e: Expression): readonly Shape[] =>
    within(e).flatMap((x) => (x.kind === 'load' ? [shapeIn(inside, x.index)] : []))
  return [
    ...s.body.flatMap((defined) => {
      if (defined.kind !== 'let') return []
      const found = shapes(defined.value)
      const { type } = defined.value
      inside.variables.set(defined.name, { shape: shapeIn(inside, defined.value), type, local: 0 })
      return found
    }),
    ...shapes(s.value),
  ]
}

/** Leaves the sums of the four threads. `emitExtent` leaves the number of terms, `emitTerms` a vector of four terms. */
export function sumAlong(gang: Gang, s: Sum, emitExtent: () => void, emitTerms: (variables: Variables) => void): void {
  const { body } = gang
  const extent = keep(body, emitExtent)
  const names = new Set(valuesIn(s).flatMap((x) => (x.kind === 'variable' ? [x.name] : [])))
  const threads = Array.from({ length: GANG }, (_, lane) => {
    const used = [...gang.variables].filter(([name]) => names.has(name))
    return new Map(used.map(([name, variable]): [string, Variable] => [name, ofThread(gang, variable, lane)]))
  })
  const totals = threads.map(() => {
    const total = body.local('v128')
    body.v128([0, 0, 0, 0])
    body.set(total)
    return total
  })
  const step = (at: number, mask: number | null): void =>
    threads.forEach((variables, lane) => {
      body.get(totals[lane])
      emitTerms(new Map(variables).set(s.variable, indexVariable(ALONG, at)))
      if (mask !== null) {
        body.get(mask)
        body.op('v128.and')
      }
      body.op('f32x4.add')
      body.set(totals[lane])
    })
  const whole = keep(body, () => {
    body.get(extent)
    body.i32(-GANG)
    body.op('i32.and')
  })
  body.i32(0)
  forRange(body, whole, GANG, (at) => step(at, null))
  body.get(whole)
  body.get(extent)
  body.op('i32.lt_u')
  body.when(() => {
    const mask = body.local('v128')
    body.v128([0, 1, 2, 3])
    body.get(extent)
    body.get(whole)
    body.op('i32.sub')
    body.op('i32x4.splat')
    body.op('i32x4.lt_u')
    body.set(mask)
    step(whole, mask)
  })
  body.get(addUp(body, totals))
}

/** The value of a variable in one thread. */
function ofThread({ body }: Gang, variable: Variable, lane: number): Variable {
  const { shape, type, local } = variable
  if (shape.kind === 'uniform') return variable
  if (shape.kind === 'affine')
    return { shape: UNIFORM, type, local: keep(body, () => addConstant(body, local, lane * shape.stride)) }
  const value = body.local(valueType(type))
  body.get(local)
  body.lane(type === 'f32' ? 'f32x4.extract_lane' : 'i32x4.extract_lane', lane)
  if (type === 'bool') {
    body.i32(1)
    body.op('i32.and')
  }
  body.set(value)
  return { shape: UNIFORM, type, local: value }
}
