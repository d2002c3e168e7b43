/** Parses the text of the scalar IR that `print.ts` writes. */
import { binary, call, cast, element, literal, load, reduce, select, size, unary, variable } from './build.ts'
import type { BinaryOpcode, CallOpcode, Expression, ReduceOpcode, ScalarType, Statement, UnaryOpcode } from './expression.ts'
import { UNARY } from './operations.ts'
import { CALL_OPCODES, INFIX, REDUCE_OPCODES, SCALAR_TYPES, UNARY_LEVEL } from './syntax.ts'
import { KernelSyntaxError, Tokens } from './tokens.ts'

/** The types of the names in scope. */
export interface Names {
  readonly buffers: ReadonlyMap<string, ScalarType>
  readonly arrays: Map<string, ScalarType>
  readonly variables: Map<string, ScalarType>
  /** What `%0`, `%1` ... stand for, in the whole text. */
  readonly expressions: Map<string, Expression>
}

const inner = (names: Names): Names => ({ ...names, arrays: new Map(names.arrays), variables: new Map(names.variables) })

/** The lines of a text, read one by one. */
export class Lines {
  readonly #lines: readonly (readonly [text: string, line: number])[]
  #at = 0

  constructor(text: string) {
    this.#lines = text
      .split('\n')
      .map((line, i) => [line, i + 1] as const)
      .filter(([line]) => !/^\s*(#|$)/.test(line))
  }

  get atEnd(): boolean {
    return this.#at >= this.#lines.length
  }

  next(): Tokens {
    const found = this.#lines.at(this.#at++)
    if (found === undefined || this.#at > this.#lines.length) throw new KernelSyntaxError('the text ends within a block')
    return new Tokens(found[0], found[1])
  }
}

/** A mistake of types in an operation, at the line. */
function checked(tokens: Tokens, make: () => Expression): Expression {
  try {
    return make()
  } catch (error) {
    return tokens.fail((error as Error).message)
  }
}

const OPERATORS = new Map(
  Object.entries(INFIX).flatMap(([opcode, operator]) =>
    operator === null ? [] : [[operator.sign, { opcode: opcode as BinaryOpcode, level: operator.level }] as const],
  ),
)

export function parseExpression(tokens: Tokens, names: Names, least = 0): Expression {
  let left = parseOperand(tokens, names)
  for (;;) {
    const operator = OPERATORS.get(tokens.next)
    if (operator === undefined || operator.level < least || operator.level >= UNARY_LEVEL) return left
    tokens.take()
    const right = parseExpression(tokens, names, operator.level + 1)
    const before = left
    left = checked(tokens, () => binary(operator.opcode, before, right))
  }
}

function parseNumber(tokens: Tokens): Expression {
  const sign = tokens.takes('-') ? -1 : 1
  const text = tokens.take()
  if (text === 'inf') return literal('f32', sign * Infinity)
  if (!/^\d/.test(text)) return tokens.fail(`expected a number, not '${text}'`)
  if (text.endsWith('u') || text.endsWith('i'))
    return literal(text.endsWith('u') ? 'u32' : 'i32', sign * Number(text.slice(0, -1)))
  return literal('f32', sign * Number(text))
}

const CONSTANTS: Readonly<Record<string, () => Expression>> = {
  true: () => literal('bool', 1),
  false: () => literal('bool', 0),
  nan: () => literal('f32', NaN),
  inf: () => literal('f32', Infinity),
}

function parseOperand(tokens: Tokens, names: Names): Expression {
  const { next } = tokens
  if (next === '-' || /^\d/.test(next)) return parseNumber(tokens)
  if (tokens.takes('(')) {
    const value = parseExpression(tokens, names)
    tokens.expect(')')
    return value
  }
  if (tokens.takes('%')) {
    const name = `%${tokens.take()}`
    return names.expressions.get(name) ?? tokens.fail(`${name} is not defined above`)
  }
  if (tokens.takes('@')) {
    const buffer = tokens.word()
    return load(names.buffers.get(buffer) ?? tokens.fail(`there is no buffer @${buffer}`), buffer, parseIndex(tokens, names))
  }
  return parseWord(tokens, names)
}

function parseIndex(tokens: Tokens, names: Names): Expression {
  tokens.expect('[')
  const index = parseExpression(tokens, names)
  tokens.expect(']')
  return index
}

function parseWord(tokens: Tokens, names: Names): Expression {
  const word = tokens.word()
  if (Object.hasOwn(CONSTANTS, word)) return CONSTANTS[word]()
  if (word === 'size') return size(tokens.dim())
  if (tokens.next === '(') return parseCall(word, tokens, names)
  if (tokens.next !== '[') return variable(names.variables.get(word) ?? 'u32', word)
  if (Object.hasOwn(REDUCE_OPCODES, word)) return parseReduce(word as ReduceOpcode, tokens, names)
  return element(names.arrays.get(word) ?? tokens.fail(`there is no array ${word}`), word, parseIndex(tokens, names))
}

function parseCall(word: string, tokens: Tokens, names: Names): Expression {
  const operands: Expression[] = []
  tokens.expect('(')
  do operands.push(parseExpression(tokens, names))
  while (tokens.takes(','))
  tokens.expect(')')
  const takes = (count: number): void => {
    if (operands.length !== count) tokens.fail(`${word} has ${count} operands, not ${operands.length}`)
  }
  if (Object.hasOwn(CALL_OPCODES, word)) return call(word as CallOpcode, operands)
  if (word === 'select') {
    takes(3)
    return select(operands[0], operands[1], operands[2])
  }
  if (Object.hasOwn(INFIX, word)) {
    takes(2)
    return checked(tokens, () => binary(word as BinaryOpcode, operands[0], operands[1]))
  }
  takes(1)
  if (Object.hasOwn(SCALAR_TYPES, word)) return cast(word as ScalarType, operands[0])
  return Object.hasOwn(UNARY, word) ? unary(word as UnaryOpcode, operands[0]) : tokens.fail(`'${word}' is not an opcode`)
}

/** `[i < EXTENT](BODY)`, after the opcode. */
function parseReduce(opcode: ReduceOpcode, tokens: Tokens, names: Names): Expression {
  const { name, extent } = parseExtent(tokens, names)
  tokens.expect('(')
  const within = inner(names)
  within.variables.set(name, 'u32')
  const body = parseExpression(tokens, within)
  tokens.expect(')')
  return reduce(opcode, name, extent, body)
}

function parseExtent(tokens: Tokens, names: Names): { readonly name: string; readonly extent: Expression } {
  tokens.expect('[')
  const name = tokens.word()
  tokens.expect('<')
  const extent = parseExpression(tokens, names)
  tokens.expect(']')
  return { name, extent }
}

/** A definition `%0 = EXPRESSION`, where the line is one. */
export function parseDefinition(tokens: Tokens, names: Names): boolean {
  if (!tokens.takes('%')) return false
  const name = `%${tokens.take()}`
  if (names.expressions.has(name)) tokens.fail(`${name} is defined twice`)
  tokens.expect('=')
  names.expressions.set(name, parseExpression(tokens, names))
  tokens.end()
  return true
}

/** The statements up to the line that begins with `}`, and the rest of that line. */
export function parseBlock(lines: Lines, names: Names): { readonly statements: readonly Statement[]; readonly tail: Tokens } {
  const statements: Statement[] = []
  for (;;) {
    const tokens = lines.next()
    if (tokens.takes('}')) return { statements, tail: tokens }
    if (!parseDefinition(tokens, names)) statements.push(parseStatement(tokens, lines, names))
  }
}

type Reader = (tokens: Tokens, lines: Lines, names: Names) => Statement

function parseNamed(kind: 'let' | 'var'): Reader {
  return (tokens, _, names) => {
    const name = tokens.word()
    tokens.expect('=')
    const value = parseExpression(tokens, names)
    tokens.end()
    names.variables.set(name, value.type)
    return { kind, name, value }
  }
}

const READERS: Readonly<Record<string, Reader>> = {
  let: parseNamed('let'),
  var: parseNamed('var'),
  array: (tokens, _, names) => {
    const name = tokens.word()
    tokens.expect(':')
    const type = tokens.oneOf(SCALAR_TYPES, 'a type')
    tokens.expect('[')
    const length = tokens.integer()
    tokens.expect(']')
    tokens.end()
    names.arrays.set(name, type)
    return { kind: 'array', name, type, length }
  },
  for: (tokens, lines, names) => {
    const name = tokens.word()
    tokens.expect('in')
    const from = parseExpression(tokens, names)
    tokens.expect('..')
    const below = parseExpression(tokens, names)
    tokens.expect('step')
    const step = parseExpression(tokens, names)
    tokens.expect('{')
    tokens.end()
    const within = inner(names)
    within.variables.set(name, from.type)
    const { statements: body, tail } = parseBlock(lines, within)
    tail.end()
    return { kind: 'for', variable: name, from, below, step, body }
  },
  if: (tokens, lines, names) => {
    const condition = parseExpression(tokens, names)
    tokens.expect('{')
    tokens.end()
    const { statements: body, tail } = parseBlock(lines, inner(names))
    if (!tail.takes('else')) {
      tail.end()
      return { kind: 'if', condition, body, otherwise: [] }
    }
    tail.expect('{')
    tail.end()
    const rest = parseBlock(lines, inner(names))
    rest.tail.end()
    return { kind: 'if', condition, body, otherwise: rest.statements }
  },
  barrier: (tokens) => {
    const buffers = tokens.takes('buffers')
    tokens.end()
    return buffers ? { kind: 'barrier', buffers } : { kind: 'barrier' }
  },
  all_reduce: (tokens) => {
    const opcode = tokens.oneOf(REDUCE_OPCODES, 'a reduction')
    const name = tokens.word()
    tokens.expect(':')
    const type = tokens.oneOf(SCALAR_TYPES, 'a type')
    tokens.end()
    return { kind: 'all-reduce', name, type, opcode }
  },
  uniform: (tokens, _, names) => {
    const name = tokens.word()
    tokens.expect('=')
    const array = tokens.word()
    const type = names.arrays.get(array) ?? tokens.fail(`there is no array ${array}`)
    const index = parseIndex(tokens, names)
    tokens.end()
    names.variables.set(name, type)
    return { kind: 'uniform-load', name, array, index }
  },
  do: (tokens, lines, names) => {
    tokens.expect('{')
    tokens.end()
    const within = inner(names)
    const { statements: body, tail } = parseBlock(lines, within)
    tail.expect('while')
    const condition = parseExpression(tail, within)
    tail.end()
    return { kind: 'loop', body, while: condition }
  },
  reduce: (tokens, lines, names) => {
    const name = tokens.word()
    tokens.expect('=')
    const opcode = tokens.oneOf(REDUCE_OPCODES, 'a reduction')
    const { name: index, extent } = parseExtent(tokens, names)
    tokens.expect('{')
    tokens.end()
    const within = inner(names)
    within.variables.set(index, 'u32')
    const { statements: body, tail } = parseBlock(lines, within)
    tail.expect('of')
    const value = parseExpression(tail, within)
    tail.end()
    names.variables.set(name, value.type)
    return { kind: 'reduce', name, opcode, type: value.type, variable: index, extent, body, value }
  },
}

function parseStatement(tokens: Tokens, lines: Lines, names: Names): Statement {
  if (tokens.takes('@')) {
    const buffer = tokens.word()
    const index = parseIndex(tokens, names)
    return { kind: 'store', buffer, index, value: parseAssigned(tokens, names) }
  }
  const word = tokens.word()
  if (tokens.next === '[') {
    const index = parseIndex(tokens, names)
    return { kind: 'assign-element', array: word, index, value: parseAssigned(tokens, names) }
  }
  if (tokens.next === '=') return { kind: 'assign', name: word, value: parseAssigned(tokens, names) }
  return Object.hasOwn(READERS, word) ? READERS[word](tokens, lines, names) : tokens.fail(`'${word}' begins no statement`)
}

function parseAssigned(tokens: Tokens, names: Names): Expression {
  tokens.expect('=')
  const value = parseExpression(tokens, names)
  tokens.end()
  return value
}
