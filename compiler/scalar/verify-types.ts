/** The types of scalar expressions: what each opcode takes and gives. */
import { operandsOf } from './build.ts'
import type { Expression, ScalarType } from './expression.ts'
import { binaryFunction, resultType, unaryFunction } from './operations.ts'

const NUMBERS: readonly ScalarType[] = ['f32', 'i32', 'u32']
const TYPES: readonly ScalarType[] = [...NUMBERS, 'bool']

const takes = (what: string, type: ScalarType, isTaken: (type: ScalarType) => boolean): string | null =>
  isTaken(type) ? null : `${what} of ${type}, which takes ${TYPES.filter(isTaken).join(', ')}`

const is = (actual: ScalarType, wanted: ScalarType, what: string): string | null =>
  actual === wanted ? null : `${what} is ${actual}, not ${wanted}`

/** What is wrong with the type of an expression, whose operands are right; null where nothing is. Names are not looked up. */
export function typeFault(e: Expression): string | null {
  switch (e.kind) {
    case 'literal':
    case 'variable':
      return null
    case 'size':
      return is(e.type, 'u32', 'a size')
    case 'load':
      return is(e.index.type, 'u32', `the index of @${e.buffer}`)
    case 'element':
      return is(e.index.type, 'u32', `the index of ${e.array}`)
    case 'unary':
      return (
        takes(e.opcode, e.operand.type, (type) => unaryFunction(e.opcode, type) !== undefined) ??
        is(e.type, e.operand.type, `the result of ${e.opcode}`)
      )
    case 'binary':
      return (
        is(e.right.type, e.left.type, `the right operand of ${e.opcode}`) ??
        takes(e.opcode, e.left.type, (type) => binaryFunction(e.opcode, type) !== undefined) ??
        is(e.type, resultType(e.opcode, e.left.type), `the result of ${e.opcode}`)
      )
    case 'select':
      return (
        is(e.condition.type, 'bool', 'the condition of select') ??
        is(e.otherwise.type, e.then.type, 'one choice of select') ??
        is(e.type, e.then.type, 'the result of select')
      )
    case 'cast':
      return null
    case 'call':
      return (
        operandsOf(e)
          .map((operand) => is(operand.type, 'u32', `an operand of ${e.opcode}`))
          .find((fault) => fault !== null) ?? null
      )
    case 'reduce':
      return (
        is(e.extent.type, 'u32', `the extent of ${e.opcode}`) ??
        takes(e.opcode, e.body.type, (type) => NUMBERS.includes(type)) ??
        is(e.type, e.body.type, `the result of ${e.opcode}`)
      )
    default:
      return e satisfies never
  }
}
