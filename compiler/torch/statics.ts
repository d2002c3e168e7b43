/** Numbers known at compile time, or in a run: sizes, and how far a training has come. */
import { tryStatic } from '../lower/environment.ts'
import type { Static } from '../model/static/static.ts'
import type { Origin } from '../graph/node.ts'
import { at, infix, LEVEL, literalOf, py, type Py } from './python.ts'
import { TorchRefusal } from './refusal.ts'
import { sizeText, thing, type Unit } from './unit.ts'

const INFIX: Readonly<Record<string, number>> = {
  '+': LEVEL.add,
  '-': LEVEL.add,
  '*': LEVEL.multiply,
  '/': LEVEL.multiply,
  '%': LEVEL.multiply,
  and: LEVEL.and,
  or: LEVEL.or,
}
const COMPARISONS = new Set(['==', '!=', '<', '<=', '>', '>='])

/** Functions of numbers by the names of the builtins. */
const FUNCTIONS: Readonly<Record<string, string>> = {
  minimum: 'min',
  maximum: 'max',
  abs: 'abs',
  floor: 'math.floor',
  sqrt: 'math.sqrt',
  exp: 'math.exp',
  log: 'math.log',
  log1p: 'math.log1p',
  cos: 'math.cos',
  sin: 'math.sin',
  tanh: 'math.tanh',
  atan: 'math.atan',
  erf: 'math.erf',
  pow: 'pow',
  power: 'pow',
}

/** Throws a TorchRefusal for a function of what only a run knows that Python's numbers have not. */
export function staticText(unit: Unit, value: Static, origin: Origin): Py {
  if (value.kind === 'int') return sizeText(unit, value.dim)
  const known = tryStatic(unit.values, value)
  if (typeof known === 'number' || typeof known === 'boolean') return literalOf(known, value.type === 'real')
  if (value.kind === 'moment') return py(`${thing(unit, 'step')}.${value.name}`)
  if (value.kind !== 'operation') throw new Error('a parameter has no value')
  const operands = value.operands.map((operand) => staticText(unit, operand, origin))
  const [first, second, third] = operands
  if (value.word in INFIX) return infix(first, value.word, second, INFIX[value.word])
  if (COMPARISONS.has(value.word))
    return py(`${at(first, LEVEL.compare + 1)} ${value.word} ${at(second, LEVEL.compare + 1)}`, LEVEL.compare)
  if (value.word === 'not') return py(`not ${at(first, LEVEL.not)}`, LEVEL.not)
  if (value.word === 'if')
    return py(`${at(second, LEVEL.or)} if ${at(first, LEVEL.or)} else ${at(third, LEVEL.conditional)}`, LEVEL.conditional)
  if (value.word === 'negate') return py(`-${at(first, LEVEL.unary)}`, LEVEL.unary)
  const name = FUNCTIONS[value.word]
  if (name === undefined)
    throw new TorchRefusal(`${value.word} of a number that only a run knows has no form in the torch module`, origin)
  return py(`${name}(${operands.map(({ text }) => text).join(', ')})`)
}
