/** Scalar expressions and statements as lines of WGSL. A value used more than once in a block is computed once and named. */
import type { Atom, Dim } from '../../plan/dim.ts'
import { emptyReduction, reductionIdentity } from '../scalar/reduction.ts'
import type { Expression, Statement } from '../scalar/expression.ts'
import { idOf, operandsOf } from '../scalar/build.ts'
import { BINARY, CALL, REDUCE, UNARY, emitBits, emitCast, emitLiteral } from './opcodes.ts'
import type { ScalarEmitter } from './scalar-emitter.ts'

export interface ScalarEmitterOptions {
  /** The plan's dims, in order: where each lies in the uniform. */
  readonly dims: readonly string[]
  /** threads of the workgroup, for `combine`. */
  readonly threads: number
  /** Whether the workgroup is one subgroup, so that its threads can be folded without memory. */
  readonly oneSubgroup: boolean
}

interface Block {
  readonly lines: string[]
  readonly indent: string
  /** Expression -> the name or text that holds it here. */
  readonly names: Map<number, string>
  /** Sums of what may change: their names hold for the statement in hand. */
  readonly passing: Set<number>
  readonly parent: Block | null
  readonly uses: ReadonlyMap<number, number>
}

/** Expressions inside of one another on a line: compilers of WGSL refuse brackets beyond 128, of which one may take a few. */
const MOST_NESTED = 24

const isWord = (text: string): boolean => /^[\w.]+$/.test(text)

export function createScalarEmitter(
  options: ScalarEmitterOptions,
): ScalarEmitter & { readonly sharedDeclarations: () => readonly string[] } {
  let names = 0
  const combined = new Set<string>()

  const sizeText = (dim: Dim): string => emitDim(dim, options.dims)

  /** Values that may change between two uses are never given a name. */
  const stable = new Map<number, boolean>()
  let mutable = new Set<string>()
  const isStable = (e: Expression): boolean => {
    if (e.kind === 'element') return false
    if (e.kind === 'variable') return !mutable.has(e.name)
    if (e.kind === 'load' && mutable.has(bufferName(e.buffer))) return false
    const id = idOf(e)
    const known = stable.get(id)
    if (known !== undefined) return known
    const value = operandsOf(e).every(isStable)
    stable.set(id, value)
    return value
  }

  const lookup = (block: Block | null, id: number): string | undefined =>
    block === null ? undefined : (block.names.get(id) ?? lookup(block.parent, id))

  const useCount = (block: Block | null, id: number): number =>
    block === null ? 0 : (block.uses.get(id) ?? 0) + useCount(block.parent, id)

  const child = (block: Block, uses: ReadonlyMap<number, number>): Block => ({
    lines: block.lines,
    indent: `${block.indent}  `,
    names: new Map(),
    passing: new Set(),
    parent: block,
    uses,
  })

  /** Expression -> how many are inside of one another in its text, as it was last spelled. */
  const nested = new Map<number, number>()
  let isInline = false

  const nestingOf = (e: Expression): number =>
    1 + operandsOf(e).reduce((most, operand) => Math.max(most, nested.get(idOf(operand)) ?? 0), 0)

  function emit(e: Expression, block: Block): string {
    const id = idOf(e)
    const known = lookup(block, id)
    if (known !== undefined) {
      nested.set(id, 0)
      return known
    }
    const text = spellAfresh(e, block)
    const worthNaming = e.kind !== 'literal' && e.kind !== 'variable' && !isWord(text)
    if (e.kind === 'reduce') {
      block.names.set(id, text)
      nested.set(id, 0)
      if (!isStable(e)) block.passing.add(id)
      return text
    }
    nested.set(id, worthNaming ? nestingOf(e) : 0)
    const isDeep = nested.get(id)! >= MOST_NESTED && !isInline
    if (!worthNaming || !(isDeep || (isStable(e) && useCount(block, id) >= 2))) return text
    const name = `v${names++}`
    block.lines.push(`${block.indent}let ${name} = ${text};`)
    block.names.set(id, name)
    nested.set(id, 0)
    if (!isStable(e)) block.passing.add(id)
    return name
  }

  /** WGSL works out what has literals alone, and refuses the shader where that is not finite; bits it leaves for the run. */
  const spellOperand = (e: Expression, all: readonly Expression[], block: Block): string =>
    e.kind === 'literal' && e.type === 'f32' && all.every((other) => other.kind === 'literal')
      ? emitBits(e.value)
      : emit(e, block)

  function spellAfresh(e: Expression, block: Block): string {
    switch (e.kind) {
      case 'literal':
        return emitLiteral(e.type, e.value)
      case 'variable':
        return e.name
      case 'size':
        return sizeText(e.dim)
      case 'load':
        return `load_${e.buffer}(${emit(e.index, block)})`
      case 'element':
        return `${e.array}[${emit(e.index, block)}]`
      case 'unary':
        return UNARY[e.opcode](spellOperand(e.operand, [e.operand], block), e.type)
      case 'binary':
        return BINARY[e.opcode](spellOperand(e.left, [e.left, e.right], block), emit(e.right, block), e.left.type)
      case 'select': {
        const then = emit(e.then, block)
        const otherwise = emit(e.otherwise, block)
        return `select(${otherwise}, ${then}, ${emit(e.condition, block)})`
      }
      case 'cast':
        return emitCast(e.type, emit(e.operand, block), e.operand.type)
      case 'call':
        return CALL[e.opcode](e.operands.map((operand) => emit(operand, block)))
      case 'reduce': {
        const name = `total${names++}`
        const word = REDUCE[e.opcode]
        const below = emit(e.extent, block)
        block.lines.push(`${block.indent}var ${name} = ${emitLiteral(e.type, reductionIdentity(e.opcode, e.type))};`)
        block.lines.push(`${block.indent}for (var ${e.variable} = 0u; ${e.variable} < ${below}; ${e.variable}++) {`)
        const inner = child(block, countUses([e.body]))
        const body = emit(e.body, inner)
        block.lines.push(`${inner.indent}${name} = ${word.combine(name, body, e.type)};`, `${block.indent}}`)
        const empty = emptyReduction(e.opcode, e.type)
        if (empty !== reductionIdentity(e.opcode, e.type) && !(e.extent.kind === 'literal' && e.extent.value > 0)) {
          block.lines.push(`${block.indent}${name} = select(${name}, ${emitLiteral(e.type, empty)}, ${below} == 0u);`)
        }
        return name
      }
      default:
        return e satisfies never
    }
  }

  function writeAll(statements: readonly Statement[], block: Block): void {
    for (const statement of statements) {
      write(statement, block)
      forget(block)
    }
  }

  function forget(block: Block): void {
    for (const id of block.passing) block.names.delete(id)
    block.passing.clear()
  }

  /** A block of statements in this one. */
  function within(block: Block, statements: readonly Statement[]): Block {
    forget(block)
    return child(block, countStatementUses(statements))
  }

  function write(s: Statement, block: Block): void {
    const put = (line: string): unknown => block.lines.push(block.indent + line)
    switch (s.kind) {
      case 'let':
        put(`let ${s.name} = ${emit(s.value, block)};`)
        return
      case 'var':
        put(`var ${s.name} = ${emit(s.value, block)};`)
        return
      case 'array':
        put(`var ${s.name}: array<${s.type}, ${Math.max(1, s.length)}>;`)
        return
      case 'assign':
        put(`${s.name} = ${emit(s.value, block)};`)
        return
      case 'assign-element': {
        const at = emit(s.index, block)
        put(`${s.array}[${at}] = ${emit(s.value, block)};`)
        return
      }
      case 'store': {
        const at = emit(s.index, block)
        put(`store_${s.buffer}(${at}, ${emit(s.value, block)});`)
        return
      }
      case 'for': {
        const [from, below, step] = [emit(s.from, block), emit(s.below, block), emit(s.step, block)]
        const next = step === '1u' ? `${s.variable}++` : `${s.variable} += ${step}`
        put(`for (var ${s.variable} = ${from}; ${s.variable} < ${below}; ${next}) {`)
        writeAll(s.body, within(block, s.body))
        put('}')
        return
      }
      case 'if':
        put(`if (${emit(s.condition, block)}) {`)
        writeAll(s.body, within(block, s.body))
        if (s.otherwise.length > 0) {
          put('} else {')
          writeAll(s.otherwise, within(block, s.otherwise))
        }
        put('}')
        return
      case 'barrier':
        if (s.buffers === true) put('storageBarrier();')
        put('workgroupBarrier();')
        return
      case 'uniform-load':
        put(`let ${s.name} = workgroupUniformLoad(&${s.array}[${emit(s.index, block)}]);`)
        return
      case 'loop': {
        put('loop {')
        const inner = within(block, s.body)
        writeAll(s.body, inner)
        const again = emit(s.while, inner)
        inner.lines.push(`${inner.indent}if (!${isWord(again) || again.startsWith('(') ? again : `(${again})`}) { break; }`)
        put('}')
        return
      }
      case 'all-reduce': {
        const word = REDUCE[s.opcode]
        if (options.threads === 1) return
        if (options.oneSubgroup) {
          put(`${s.name} = ${word.subgroup(s.name, s.type)};`)
          return
        }
        combined.add(s.type)
        const array = `combine_${s.type}`
        put(`${array}[thread] = ${s.name};`)
        put('workgroupBarrier();')
        for (let width = options.threads >> 1; width > 0; width >>= 1) {
          put(
            `if (thread < ${width}u) { ${array}[thread] = ${word.combine(`${array}[thread]`, `${array}[thread + ${width}u]`, s.type)}; }`,
          )
          put('workgroupBarrier();')
        }
        put(`${s.name} = ${array}[0];`)
        put('workgroupBarrier();')
        return
      }
      default:
        s satisfies never
    }
  }

  const root = (indent: number, uses: ReadonlyMap<number, number>): Block => ({
    lines: [],
    indent: '  '.repeat(indent),
    names: new Map(),
    passing: new Set(),
    parent: null,
    uses,
  })

  return {
    expression(e) {
      mutable = new Set()
      const block = root(0, new Map())
      isInline = true
      const text = emit(e, block)
      isInline = false
      if (block.lines.length > 0) throw new Error('an expression that needs statements stands where only an expression fits')
      return text
    },
    statements(statements, indent) {
      mutable = mutableNames(statements)
      stable.clear()
      const block = root(indent, countStatementUses(statements))
      writeAll(statements, block)
      return block.lines.map((line) => `${line}\n`).join('')
    },
    size: sizeText,
    sharedDeclarations: () => [...combined].map((type) => `var<workgroup> combine_${type}: array<${type}, ${options.threads}>;`),
  }
}

/** A dim as a u32 expression over the uniform: what is added first, then what is taken away. */
export function emitDim(dim: Dim, dims: readonly string[]): string {
  const atom = (x: Atom): string => {
    if (x.kind === 'min') return `min(${emitDim(x.left, dims)}, ${emitDim(x.right, dims)})`
    if (x.kind !== 'symbol') return `smoe_${x.kind}_divide(${emitDim(x.numerator, dims)}, ${emitDim(x.divisor, dims)})`
    if (!dims.includes(x.name)) throw new Error(`${x.name} is no dim of the plan`)
    return `dim_${x.name}()`
  }
  const term = ({ coefficient, factors }: Dim['terms'][number]): string => {
    const scale = Math.abs(coefficient)
    const words = factors.map(atom)
    return (scale === 1 && words.length > 0 ? words : [`${scale}u`, ...words]).join(' * ')
  }
  const added = dim.terms.filter((t) => t.coefficient > 0).map(term)
  const taken = dim.terms.filter((t) => t.coefficient < 0).map(term)
  const text = [added.length > 0 ? added.join(' + ') : '0u', ...taken].join(' - ')
  return /^[\w().]+$/.test(text) ? text : `(${text})`
}

/** Tells a buffer from a variable of its name. */
const bufferName = (buffer: string): string => `buffer ${buffer}`

/** Variables that are assigned, and buffers that are stored to. */
function mutableNames(statements: readonly Statement[], into = new Set<string>()): Set<string> {
  for (const s of statements) {
    if (s.kind === 'var') into.add(s.name)
    if (s.kind === 'store') into.add(bufferName(s.buffer))
    if (s.kind === 'for' || s.kind === 'if' || s.kind === 'loop') mutableNames(s.body, into)
    if (s.kind === 'if') mutableNames(s.otherwise, into)
  }
  return into
}

/** How often each expression is an operand in this block; bodies of loops and of reductions count for themselves. */
function countUses(roots: readonly Expression[], counts = new Map<number, number>()): Map<number, number> {
  const visit = (e: Expression): void => {
    const id = idOf(e)
    const before = counts.get(id) ?? 0
    counts.set(id, before + 1)
    if (before > 0) return
    for (const operand of e.kind === 'reduce' ? [e.extent] : operandsOf(e)) visit(operand)
  }
  roots.forEach(visit)
  return counts
}

function countStatementUses(statements: readonly Statement[]): Map<number, number> {
  const counts = new Map<number, number>()
  for (const s of statements) countUses(valuesOf(s), counts)
  return counts
}

function valuesOf(s: Statement): readonly Expression[] {
  switch (s.kind) {
    case 'let':
    case 'var':
    case 'assign':
      return [s.value]
    case 'assign-element':
    case 'store':
      return [s.index, s.value]
    case 'for':
      return [s.from, s.below, s.step]
    case 'if':
      return [s.condition]
    case 'uniform-load':
      return [s.index]
    case 'loop':
    case 'array':
    case 'barrier':
    case 'all-reduce':
      return []
    default:
      return s satisfies never
  }
}
