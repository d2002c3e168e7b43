/** Emits scalar expressions and statements as WGSL. */
import type { Atom, Dim } from '../../plan/dim.ts'
import type { Expression, ScalarType, Statement } from '../scalar/expression.ts'
import { createNameSource, nameValues } from '../scalar/name-values.ts'
import { emptyReduction, reductionIdentity } from '../scalar/reduction.ts'
import { allStatements } from '../scalar/walk.ts'
import { BINARY, CALL, REDUCE, UNARY, emitBits, emitCast, emitLiteral } from './opcodes.ts'
import type { ScalarEmitter } from './scalar-emitter.ts'

export interface ScalarEmitterOptions {
  /** The plan's dims, in the order of the uniform. */
  readonly dims: readonly string[]
  /** Threads of the workgroup, for `all-reduce`. */
  readonly threads: number
  /** Whether the workgroup is one subgroup, which reduces without workgroup memory. */
  readonly oneSubgroup: boolean
}

const isWord = (text: string): boolean => /^[\w.]+$/.test(text)
const inBrackets = (text: string): string => (isWord(text) || text.startsWith('(') ? text : `(${text})`)
const indented = (lines: readonly string[]): readonly string[] => lines.map((line) => `  ${line}`)

type StatementTable = {
  readonly [K in Statement['kind']]: (s: Extract<Statement, { readonly kind: K }>) => readonly string[]
}
type ExpressionTable = { readonly [K in Expression['kind']]: (e: Extract<Expression, { readonly kind: K }>) => string }

export function createScalarEmitter(options: ScalarEmitterOptions): ScalarEmitter {
  const names = createNameSource()
  const size = (dim: Dim): string => emitDim(dim, options.dims)

  /**
   * WGSL evaluates what has only literals as a const-expression, and refuses a result that is not finite; bits are left to the
   * run.
   */
  const operand = (e: Expression, all: readonly Expression[]): string =>
    e.kind === 'literal' && e.type === 'f32' && all.every((other) => other.kind === 'literal') ? emitBits(e.value) : text(e)

  const expressions: ExpressionTable = {
    literal: (e) => emitLiteral(e.type, e.value),
    variable: (e) => e.name,
    size: (e) => size(e.dim),
    load: (e) => `load_${e.buffer}(${text(e.index)})`,
    element: (e) => `${e.array}[${text(e.index)}]`,
    unary: (e) => UNARY[e.opcode](operand(e.operand, [e.operand]), e.type),
    binary: (e) => BINARY[e.opcode](operand(e.left, [e.left, e.right]), text(e.right), e.left.type),
    select: (e) => `select(${text(e.otherwise)}, ${text(e.then)}, ${text(e.condition)})`,
    cast: (e) => emitCast(e.type, text(e.operand), e.operand.type),
    call: (e) => CALL[e.opcode](e.operands.map(text)),
    reduce: () => {
      throw new Error('a reduction, which needs statements, where only an expression is possible')
    },
  }
  const text = (e: Expression): string => expressions[e.kind](e as never)

  const block = (head: string, body: readonly Statement[], ...tail: readonly string[]): readonly string[] => [
    head,
    ...indented(body.flatMap(lines)),
    ...tail,
  ]

  const statements: StatementTable = {
    let: (s) => [`let ${s.name} = ${text(s.value)};`],
    var: (s) => [`var ${s.name} = ${text(s.value)};`],
    array: (s) => [`var ${s.name}: array<${s.type}, ${Math.max(1, s.length)}>;`],
    assign: (s) => [`${s.name} = ${text(s.value)};`],
    'assign-element': (s) => [`${s.array}[${text(s.index)}] = ${text(s.value)};`],
    store: (s) => [`store_${s.buffer}(${text(s.index)}, ${text(s.value)});`],
    for: (s) => {
      const step = text(s.step)
      const next = step === '1u' ? `${s.variable}++` : `${s.variable} += ${step}`
      return block(`for (var ${s.variable} = ${text(s.from)}; ${s.variable} < ${text(s.below)}; ${next}) {`, s.body, '}')
    },
    if: (s) => {
      const then = block(`if (${text(s.condition)}) {`, s.body)
      return s.otherwise.length === 0 ? [...then, '}'] : [...then, ...block('} else {', s.otherwise, '}')]
    },
    barrier: (s) => [...(s.buffers === true ? ['storageBarrier();'] : []), 'workgroupBarrier();'],
    'uniform-load': (s) => [`let ${s.name} = workgroupUniformLoad(&${s.array}[${text(s.index)}]);`],
    loop: (s) => block('loop {', s.body, `  if (!${inBrackets(text(s.while))}) { break; }`, '}'),
    reduce: (s) => {
      const [identity, empty] = [reductionIdentity(s.opcode, s.type), emptyReduction(s.opcode, s.type)]
      const below = text(s.extent)
      const isNeverEmpty = s.extent.kind === 'literal' && s.extent.value > 0
      return [
        `var ${s.name} = ${emitLiteral(s.type, identity)};`,
        ...block(
          `for (var ${s.variable} = 0u; ${s.variable} < ${below}; ${s.variable}++) {`,
          s.body,
          `  ${s.name} = ${REDUCE[s.opcode].combine(s.name, text(s.value), s.type)};`,
          '}',
        ),
        ...(empty === identity || isNeverEmpty
          ? []
          : [`${s.name} = select(${s.name}, ${emitLiteral(s.type, empty)}, ${below} == 0u);`]),
      ]
    },
    'all-reduce': (s) => {
      const reduction = REDUCE[s.opcode]
      if (options.threads === 1) return []
      if (options.oneSubgroup) return [`${s.name} = ${reduction.subgroup(s.name, s.type)};`]
      const array = allReduceArray(s.type)
      const halvings: string[] = []
      for (let width = options.threads >> 1; width > 0; width >>= 1) {
        const sum = reduction.combine(`${array}[thread]`, `${array}[thread + ${width}u]`, s.type)
        halvings.push(`if (thread < ${width}u) { ${array}[thread] = ${sum}; }`, 'workgroupBarrier();')
      }
      return [
        `${array}[thread] = ${s.name};`,
        'workgroupBarrier();',
        ...halvings,
        `${s.name} = ${array}[0];`,
        'workgroupBarrier();',
      ]
    },
  }
  const lines = (s: Statement): readonly string[] => statements[s.kind](s as never)

  return {
    expression: text,
    statements: (some, indent) => {
      const margin = '  '.repeat(indent)
      return nameValues(some, names)
        .flatMap(lines)
        .map((line) => `${margin}${line}\n`)
        .join('')
    },
    size,
  }
}

const allReduceArray = (type: ScalarType): string => `combine_${type}`

/** The types of the all-reduces that need workgroup memory, one element a thread. */
export function allReduceTypes(statements: readonly Statement[], options: ScalarEmitterOptions): readonly ScalarType[] {
  if (options.threads === 1 || options.oneSubgroup) return []
  return [...new Set(allStatements(statements).flatMap((s) => (s.kind === 'all-reduce' ? [s.type] : [])))]
}

export const declareAllReduce = (type: ScalarType, { threads }: ScalarEmitterOptions): string =>
  `var<workgroup> ${allReduceArray(type)}: array<${type}, ${threads}>;`

/** A dim as a u32 expression over the uniform: positive terms first, so that no difference is negative. */
export function emitDim(dim: Dim, dims: readonly string[]): string {
  const atom = (x: Atom): string => {
    if (x.kind === 'min') return `min(${emitDim(x.left, dims)}, ${emitDim(x.right, dims)})`
    if (x.kind !== 'symbol') return `smoe_${x.kind}_divide(${emitDim(x.numerator, dims)}, ${emitDim(x.divisor, dims)})`
    if (!dims.includes(x.name)) throw new Error(`${x.name} is not a dim of the plan`)
    return `dim_${x.name}()`
  }
  const term = ({ coefficient, factors }: Dim['terms'][number]): string => {
    const scale = Math.abs(coefficient)
    const words = factors.map(atom)
    return (scale === 1 && words.length > 0 ? words : [`${scale}u`, ...words]).join(' * ')
  }
  const added = dim.terms.filter((t) => t.coefficient > 0).map(term)
  const subtracted = dim.terms.filter((t) => t.coefficient < 0).map(term)
  const text = [added.length > 0 ? added.join(' + ') : '0u', ...subtracted].join(' - ')
  return /^[\w().]+$/.test(text) ? text : `(${text})`
}
