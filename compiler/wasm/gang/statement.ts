/**
 * Statements of a workgroup that is one gang: all four threads run together, so a barrier is nothing. Where threads take
 * different ways, each way is run with a mask of those that take it.
 */
import type { Expression, Statement } from '../../scalar/expression.ts'
import { reductionIdentity } from '../../scalar/reduction.ts'
import { forRange } from '../loops.ts'
import { loopShape } from './analysis.ts'
import { emitLanes, emitScalar } from './expression.ts'
import { found, isUniform, shapeIn, valueType, type Region, type Variable } from './gang.ts'
import { arrayAddress } from './memory.ts'
import { constant, emitReduction, foldScalar, splat } from './reduction.ts'
import { GANG, UNIFORM, VARYING, type Shape } from './shape.ts'
import { isSumAlong, sumAlong } from './sum-along.ts'
import { storeBuffer, storeElement, whereAny } from './stores.ts'

export function emitStatements(region: Region, statements: readonly Statement[]): void {
  for (const statement of statements) emitStatement(region, statement)
}

const nested = (region: Region, mask: number | null): Region => ({
  ...region,
  mask,
  variables: new Map(region.variables),
  arrays: new Map(region.arrays),
})

function emitStatement(region: Region, s: Statement): void {
  const { body } = region
  switch (s.kind) {
    case 'let':
      return define(region, s.name, s.value, shapeIn(region, s.value))
    case 'var':
      return define(region, s.name, s.value, region.analysis.varying.has(s.name) ? VARYING : UNIFORM)
    case 'assign':
      return assign(region, s.name, s.value)
    case 'array': {
      const known = region.arrays.get(s.name)
      const array = known ?? { isShared: false, type: s.type, length: s.length, offset: region.reserve(s.length * 4 * GANG) }
      region.arrays.set(s.name, array)
      return clear(region, arrayAddress(region, array).offset, s.length)
    }
    case 'assign-element':
      return storeElement(region, s)
    case 'store':
      return storeBuffer(region, s)
    case 'for':
      return emitFor(region, s)
    case 'if':
      return emitIf(region, s)
    case 'barrier':
      return
    case 'reduce':
      return emitReduce(region, s)
    case 'all-reduce':
      return allReduce(region, s)
    case 'uniform-load':
      return define(
        region,
        s.name,
        { kind: 'element', type: found(region.arrays.get(s.array), s.array).type, array: s.array, index: s.index },
        UNIFORM,
      )
    case 'loop':
      return body.loop(() => {
        const inner = nested(region, region.mask)
        emitStatements(inner, s.body)
        if (shapeIn(inner, s.while).kind === 'uniform') emitScalar(inner, s.while)
        else {
          emitLanes(inner, s.while)
          body.lane('i32x4.extract_lane', 0)
        }
        body.branchIf(0)
      })
    default:
      s satisfies never
  }
}

/** Arrays begin as zeros. */
function clear({ body, own }: Region, offset: number, length: number): void {
  const end = body.local('i32')
  body.i32(length * 4 * GANG)
  body.set(end)
  body.i32(0)
  forRange(body, end, 4 * GANG, (at) => {
    body.get(own)
    body.get(at)
    body.op('i32.add')
    body.v128([0, 0, 0, 0])
    body.store('v128.store', offset)
  })
}

function define(region: Region, name: string, value: Expression, shape: Shape): void {
  const { body, variables } = region
  if (shape.kind === 'varying') emitLanes(region, value)
  else emitScalar(region, value)
  const local = body.local(shape.kind === 'varying' ? 'v128' : valueType(value.type))
  body.set(local)
  variables.set(name, { shape, type: value.type, local })
}

function assign(region: Region, name: string, value: Expression): void {
  const { body, mask, variables } = region
  const { shape, local } = variables.get(name)!
  if (shape.kind === 'uniform') {
    emitScalar(region, value)
    return body.set(local)
  }
  emitLanes(region, value)
  if (mask !== null) {
    body.get(local)
    body.get(mask)
    body.op('v128.bitselect')
  }
  body.set(local)
}

/** The mask that is on the stack, of those that are here. */
function narrow({ body, mask }: Region): number {
  const narrowed = body.local('v128')
  if (mask !== null) {
    body.get(mask)
    body.op('v128.and')
  }
  body.set(narrowed)
  return narrowed
}

function emitIf(region: Region, s: Statement & { kind: 'if' }): void {
  const { body, mask } = region
  if (shapeIn(region, s.condition).kind === 'uniform') {
    emitScalar(region, s.condition)
    return body.when(
      () => emitStatements(nested(region, mask), s.body),
      s.otherwise.length === 0 ? undefined : () => emitStatements(nested(region, mask), s.otherwise),
    )
  }
  const condition = body.local('v128')
  emitLanes(region, s.condition)
  body.tee(condition)
  const then = narrow(region)
  whereAny(body, then, () => emitStatements(nested(region, then), s.body))
  if (s.otherwise.length === 0) return
  body.get(condition)
  body.op('v128.not')
  const otherwise = narrow(region)
  whereAny(body, otherwise, () => emitStatements(nested(region, otherwise), s.otherwise))
}

function emitFor(region: Region, s: Statement & { kind: 'for' }): void {
  const { body } = region
  const shape = loopShape(s, (e) => shapeIn(region, e))
  const below = shapeIn(region, s.below)
  const type = s.from.type
  const variable: Variable = { shape, type, local: body.local(shape.kind === 'varying' ? 'v128' : 'i32') }
  const put = (e: Expression, of: Shape): number => {
    if (of.kind === 'uniform') emitScalar(region, e)
    else emitLanes(region, e)
    const local = body.local(of.kind === 'uniform' ? 'i32' : 'v128')
    body.set(local)
    return local
  }
  const limit = put(s.below, below)
  const stepShape: Shape = shape.kind === 'varying' ? VARYING : UNIFORM
  const step = put(s.step, stepShape)
  if (shape.kind === 'varying') emitLanes(region, s.from)
  else emitScalar(region, s.from)
  body.set(variable.local)

  const isUniformLoop = shape.kind === 'uniform' && below.kind === 'uniform'
  // four in a row from a multiple of 4 are all below a multiple of 4, or none is
  const isWhole = shape.kind === 'affine' && shape.stride === 1 && shape.isAligned && below.kind === 'uniform' && below.isMultiple
  const inside = nested(region, region.mask)
  inside.variables.set(s.variable, variable)
  body.block(() =>
    body.loop(() => {
      let here = inside
      if (isUniformLoop || isWhole) {
        body.get(variable.local)
        body.get(limit)
        body.op(type === 'i32' ? 'i32.ge_s' : 'i32.ge_u')
        body.branchIf(1)
      } else {
        emitLanes(inside, { kind: 'variable', type, name: s.variable })
        body.get(limit)
        if (below.kind === 'uniform') body.op('i32x4.splat')
        body.op(type === 'i32' ? 'i32x4.lt_s' : 'i32x4.lt_u')
        const mask = narrow(region)
        body.get(mask)
        body.op('v128.any_true')
        body.op('i32.eqz')
        body.branchIf(1)
        here = { ...inside, mask }
      }
      emitStatements(nested(here, here.mask), s.body)
      body.get(variable.local)
      body.get(step)
      body.op(shape.kind === 'varying' ? 'i32x4.add' : 'i32.add')
      body.set(variable.local)
      body.branch(0)
    }),
  )
}

/** A reduction with its body. */
function emitReduce(region: Region, s: Statement & { kind: 'reduce' }): void {
  const { body, variables } = region
  const isVarying = region.analysis.varying.has(s.name)
  const isFixed = isUniform(region, s.extent)
  if (isVarying && isSumAlong(region, s)) sumInTerms(region, s)
  else
    emitReduction(body, {
      ...s,
      isVarying,
      isFixed,
      extent: () => (isFixed ? emitScalar(region, s.extent) : emitLanes(region, s.extent)),
      each: (index, fold) => {
        const inside = nested(region, region.mask)
        inside.variables.set(s.variable, { shape: UNIFORM, type: 'u32', local: index })
        emitStatements(inside, s.body)
        if (isVarying) emitLanes(inside, s.value)
        else emitScalar(inside, s.value)
        fold()
      },
    })
  const local = body.local(isVarying ? 'v128' : valueType(s.type))
  body.set(local)
  variables.set(s.name, { shape: isVarying ? VARYING : UNIFORM, type: s.type, local })
}

/** A sum whose terms are in a row for each thread. */
const sumInTerms = (region: Region, s: Statement & { kind: 'reduce' }): void =>
  sumAlong(
    region,
    s,
    () => emitScalar(region, s.extent),
    (variables) => {
      const inside: Region = { ...nested(region, null), variables }
      emitStatements(inside, s.body)
      emitLanes(inside, s.value)
    },
  )

/** Folds a variable over the threads of the workgroup, in order. */
function allReduce(region: Region, s: Statement & { kind: 'all-reduce' }): void {
  const { body, lanes, variables } = region
  const variable = variables.get(s.name)!
  const type = valueType(s.type)
  const [total, value] = [body.local(type), body.local(type)]
  constant(body, s.type, reductionIdentity(s.opcode, s.type))
  body.set(total)
  for (let lane = 0; lane < lanes; lane++) {
    body.get(variable.local)
    if (variable.shape.kind === 'varying') body.lane(s.type === 'f32' ? 'f32x4.extract_lane' : 'i32x4.extract_lane', lane)
    body.set(value)
    foldScalar(body, s.opcode, s.type, total, value)
    body.set(total)
  }
  body.get(total)
  if (variable.shape.kind === 'varying') splat(body, s.type)
  body.set(variable.local)
}
