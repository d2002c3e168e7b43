/**
 * The scalar IR as text that parses back. Long expressions, and shared ones, are named in lines of their own: `%0 = exp(@x[i])`.
 */
import { operandsOf } from './build.ts'
import type { BinaryOpcode, Expression, Statement } from './expression.ts'
import { INFIX, UNARY_LEVEL } from './syntax.ts'
import { allStatements, valuesOf } from './walk.ts'

/** A shared expression of more characters is named, and so is any expression of many more. */
const [SHORT, LONG] = [24, 90]

export interface ScalarPrinter {
  /** Lines that name parts of the expressions, then the line that `line` makes of the expressions' text. */
  readonly lines: (values: readonly Expression[], line: (...texts: readonly string[]) => string) => readonly string[]
  readonly statements: (statements: readonly Statement[]) => readonly string[]
}

export const indent = (lines: readonly string[]): readonly string[] => lines.map((line) => `  ${line}`)

/** The expressions of statements, those of blocks inside included. */
export const expressionsOf = (statements: readonly Statement[]): readonly Expression[] =>
  allStatements(statements).flatMap(valuesOf)

/** How often each expression is an operand, or stands by itself. */
function countUses(roots: readonly Expression[]): ReadonlyMap<Expression, number> {
  const uses = new Map<Expression, number>()
  const visit = (e: Expression): void => {
    const before = uses.get(e) ?? 0
    uses.set(e, before + 1)
    if (before === 0) operandsOf(e).forEach(visit)
  }
  roots.forEach(visit)
  return uses
}

function literalText(e: Expression & { readonly kind: 'literal' }): string {
  const { type, value } = e
  if (type === 'bool') return value !== 0 ? 'true' : 'false'
  if (type !== 'f32') return `${value}${type[0]}`
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value < 0 ? '-inf' : 'inf'
  const text = Object.is(value, -0) ? '-0' : String(value)
  return /[.e]/.test(text) ? text : `${text}.0`
}

interface Text {
  readonly text: string
  /** How tightly its operator binds. */
  readonly level: number
}

const ATOM = UNARY_LEVEL + 1
const atom = (text: string): Text => ({ text, level: ATOM })
const bracketed = ({ text, level }: Text, least: number): string => (level < least ? `(${text})` : text)

/** A printer of the statements of one kernel, whose expressions are all below `roots`. */
export function createPrinter(roots: readonly Expression[]): ScalarPrinter {
  const uses = countUses(roots)
  const names = new Map<Expression, string>()
  let definitions: string[] = []

  function textOf(e: Expression): Text {
    const known = names.get(e)
    if (known !== undefined) return atom(known)
    const made = fresh(e)
    const isNamed = made.text.length > LONG || (uses.get(e)! > 1 && made.text.length > SHORT)
    if (!isNamed) return made
    const name = `%${names.size}`
    names.set(e, name)
    definitions.push(`${name} = ${made.text}`)
    return atom(name)
  }

  function fresh(e: Expression): Text {
    const text = (operand: Expression): string => textOf(operand).text
    switch (e.kind) {
      case 'literal':
        return atom(literalText(e))
      case 'variable':
        return atom(e.name)
      case 'size':
        return atom(`size[${e.dim.key}]`)
      case 'load':
        return atom(`@${e.buffer}[${text(e.index)}]`)
      case 'element':
        return atom(`${e.array}[${text(e.index)}]`)
      case 'unary':
        return atom(`${e.opcode}(${text(e.operand)})`)
      case 'binary':
        return infix(e.opcode, e.left, e.right)
      case 'select':
        return atom(`select(${[e.condition, e.then, e.otherwise].map(text).join(', ')})`)
      case 'cast':
        return atom(`${e.type}(${text(e.operand)})`)
      case 'call':
        return atom(`${e.opcode}(${e.operands.map(text).join(', ')})`)
      case 'reduce':
        return atom(`${e.opcode}[${e.variable} < ${text(e.extent)}](${text(e.body)})`)
      default:
        return e satisfies never
    }
  }

  function infix(opcode: BinaryOpcode, left: Expression, right: Expression): Text {
    const operator = INFIX[opcode]
    const [a, b] = [textOf(left), textOf(right)]
    if (operator === null) return atom(`${opcode}(${a.text}, ${b.text})`)
    const { sign, level } = operator
    return { text: `${bracketed(a, level)} ${sign} ${bracketed(b, level + 1)}`, level }
  }

  function lines(values: readonly Expression[], line: (...texts: readonly string[]) => string): readonly string[] {
    const texts = values.map((value) => textOf(value).text)
    const before = definitions
    definitions = []
    return [...before, line(...texts)]
  }

  const block = (head: readonly string[], body: readonly Statement[], tail: readonly string[] = ['}']): readonly string[] => [
    ...head,
    ...indent(body.flatMap(linesOf)),
    ...tail,
  ]

  function linesOf(s: Statement): readonly string[] {
    switch (s.kind) {
      case 'let':
      case 'var':
        return lines([s.value], (value) => `${s.kind} ${s.name} = ${value}`)
      case 'array':
        return [`array ${s.name}: ${s.type}[${s.length}]`]
      case 'assign':
        return lines([s.value], (value) => `${s.name} = ${value}`)
      case 'assign-element':
        return lines([s.index, s.value], (index, value) => `${s.array}[${index}] = ${value}`)
      case 'store':
        return lines([s.index, s.value], (index, value) => `@${s.buffer}[${index}] = ${value}`)
      case 'for': {
        const head = lines(
          [s.from, s.below, s.step],
          (from, below, step) => `for ${s.variable} in ${from} .. ${below} step ${step} {`,
        )
        return block(head, s.body)
      }
      case 'if': {
        const head = lines([s.condition], (condition) => `if ${condition} {`)
        const then = block(head, s.body, [])
        return s.otherwise.length === 0 ? [...then, '}'] : [...then, ...block(['} else {'], s.otherwise)]
      }
      case 'barrier':
        return [s.buffers === true ? 'barrier buffers' : 'barrier']
      case 'all-reduce':
        return [`all_reduce ${s.opcode} ${s.name}: ${s.type}`]
      case 'uniform-load':
        return lines([s.index], (index) => `uniform ${s.name} = ${s.array}[${index}]`)
      case 'loop': {
        const body = block(['do {'], s.body, [])
        // the condition uses names of the body, and so do the parts of it that are named
        const [...tail] = lines([s.while], (condition) => `} while ${condition}`)
        return [...body, ...indent(tail.slice(0, -1)), tail.at(-1)!]
      }
      case 'reduce': {
        const head = lines([s.extent], (extent) => `reduce ${s.name} = ${s.opcode}[${s.variable} < ${extent}] {`)
        const body = block(head, s.body, [])
        const tail = lines([s.value], (value) => `} of ${value}`)
        return [...body, ...indent(tail.slice(0, -1)), tail.at(-1)!]
      }
      default:
        return s satisfies never
    }
  }

  return { lines, statements: (statements) => statements.flatMap(linesOf) }
}
