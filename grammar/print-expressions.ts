/** Expressions, types and lists as documents, with no more parentheses than their meaning needs. */
import type { BinaryExpression, CallExpression, Constraint, Expression, MoeClause, SliceNode, TypeNode } from './ast.ts'
import { precedences, unaryPrecedences } from './build.ts'
import { commentText, type Ledger } from './comments.ts'
import { fill, group, hardBreak, ifBroken, indent, join, line, separate, softLine, trailing, type Doc } from './document.ts'
import type { Span } from './source.ts'
import { printNumber, printString } from './spell.ts'

export interface ListItem {
  readonly span: Span
  readonly doc: Doc | (() => Doc)
}

export interface ListManner {
  readonly open: string
  readonly close: string
  /** What stands inside the brackets on one line; nothing by default. */
  readonly gap?: Doc
  /** Whether as many items as fit stand on a line, as arguments do; else broken brackets have a line for each. */
  readonly isFilled?: boolean
  /** Where comments of the list may lie. */
  readonly span: Span
}

export interface Writer {
  expression(expression: Expression): Doc
  type(type: TypeNode): Doc
  slices(slices: readonly SliceNode[]): Doc
  list(items: readonly ListItem[], manner: ListManner): Doc
}

type PrintBlock = <T extends { readonly span: Span }>(
  items: readonly T[],
  range: { start: number; end: number },
  print: (item: T) => Doc,
) => Doc

/** Above every operator: what a `.T` or an index may follow. */
const postfix = 8
const loosest = 0

function precedenceOf(expression: Expression): number {
  switch (expression.kind) {
    case 'conditional':
      return loosest
    case 'binary':
      return precedences[expression.operator]
    case 'unary':
      return unaryPrecedences[expression.operator]
    case 'number':
    case 'moe':
      return postfix - 0.5
    default:
      return postfix
  }
}

export function createWriter(ledger: Ledger, printBlock: PrintBlock): Writer {
  const expression = (one: Expression): Doc => within(one, loosest)

  /** In parentheses where it binds less tightly than its place demands. */
  const within = (one: Expression, least: number): Doc => (precedenceOf(one) >= least ? bare(one) : parenthesised(one))

  const parenthesised = (one: Expression): Doc => group(join('(', indent(join(softLine, bare(one))), softLine, ')'))

  function bare(one: Expression): Doc {
    switch (one.kind) {
      case 'number':
        return printNumber(one)
      case 'string':
        return printString(one)
      case 'boolean':
        return String(one.value)
      case 'name':
        return one.name.text
      case 'list':
        return list(
          one.items.map((item) => ({ span: item.span, doc: () => expression(item) })),
          { open: '[', close: ']', span: one.span },
        )
      case 'unary': {
        if (one.operator === '-') return join('-', within(one.operand, unaryPrecedences['-']))
        // `not (a == b)` is so without its parentheses, but a reader would have to know.
        return join(
          'not ',
          one.operand.kind === 'binary' ? parenthesised(one.operand) : within(one.operand, unaryPrecedences.not),
        )
      }
      case 'binary':
        return chain(one)
      case 'call':
        return call(one)
      case 'index':
        return join(within(one.operand, postfix), slices(one.slices))
      case 'transpose':
        return join(within(one.operand, postfix), '.T')
      case 'member':
        return `${one.of.text}.${one.name.text}`
      case 'conditional': {
        const branches = join(line, 'then ', expression(one.then), line, 'else ', expression(one.otherwise))
        return group(join('if ', expression(one.condition), indent(branches)))
      }
      case 'moe': {
        const range = { start: one.input.span.end, end: one.span.end }
        return join('moe(', expression(one.input), ')', label(one.label), ' ', printBlock(one.clauses, range, clause))
      }
      default:
        return one satisfies never
    }
  }

  /**
   * Operators of one level side by side; a line breaks before an operator, but not before a `moe`, which has lines of its own.
   */
  function chain(top: BinaryExpression): Doc {
    const level = precedences[top.operator]
    const links: BinaryExpression[] = []
    let left: Expression = top
    while (
      left.kind === 'binary' &&
      precedences[left.operator] === level &&
      !(links.length > 0 && isUnclear(links.at(-1)!, left))
    ) {
      links.push(left)
      left = left.left
    }
    const hugs = links.some(({ right }) => right.kind === 'moe')
    const gap = hugs ? ' ' : line
    const rest = links.reverse().flatMap(({ operator, right }) => [gap, `${operator} `, within(right, level + 1)])
    const first = links.length > 0 && isUnclear(links[0]!, left) ? parenthesised(left) : within(left, level)
    return hugs ? join(first, ...rest) : group(join(first, indent(join(...rest))))
  }

  /** `(a * b) @ c` is so without its parentheses, but a reader would have to know. */
  const isUnclear = ({ operator }: BinaryExpression, left: Expression): boolean =>
    operator === '@' && left.kind === 'binary' && left.operator !== '@' && precedences[left.operator] === precedences['@']

  const label = (name: { readonly text: string } | null): string => (name === null ? '' : ` as ${name.text}`)

  function call({ callee, arguments: given, label: name, span }: CallExpression): Doc {
    const items = given.map((one) => ({
      span: one.span,
      doc: () => (one.name === null ? expression(one.value) : join(`${one.name.text} = `, expression(one.value))),
    }))
    // a choice is easier to see on a line of its own
    const isFilled = given.every(({ name, value }) => name !== null || value.kind !== 'conditional')
    return join(callee.text, list(items, { open: '(', close: ')', isFilled, span }), label(name))
  }

  function list(items: readonly ListItem[], { open, close, gap = softLine, isFilled = false, span }: ListManner): Doc {
    const rows: Doc[] = []
    let isForced = false
    items.forEach((item, i) => {
      const leading = ledger.take(span.start, item.span.start).map((comment) => join(commentText(comment), hardBreak))
      const doc = typeof item.doc === 'function' ? item.doc() : item.doc
      const isLast = i === items.length - 1
      const comment = ledger.takeTrailing(item.span.end, items[i + 1]?.span.start ?? Infinity)
      if (leading.length > 0 || comment !== null) isForced = true
      const after = comment === null ? [] : [trailing(commentText(comment))]
      rows.push(join(...leading, doc, isLast ? ifBroken(',') : ',', ...after))
    })
    if (rows.length === 0) return `${open}${close}`
    for (const comment of ledger.takeClosing(items.at(-1)!.span.end)) {
      rows.push(commentText(comment))
      isForced = true
    }
    const brk = isForced ? hardBreak : null
    const all = isFilled && !isForced ? fill(rows) : separate(rows, brk ?? line)
    return group(join(open, indent(join(brk ?? gap, all)), brk ?? gap, close))
  }

  const slices = (all: readonly SliceNode[]): Doc => join('[', separate(all.map(slice), ', '), ']')

  function slice({ index, start, stop, step }: SliceNode): Doc {
    if (index !== null) return expression(index)
    const part = (one: Expression | null): Doc => (one === null ? '' : expression(one))
    return join(part(start), ':', part(stop), ...(step === null ? [] : [':', part(step)]))
  }

  function type(one: TypeNode): Doc {
    switch (one.kind) {
      case 'scalar-type':
        return one.name.text
      case 'choice-type':
        return one.options.map(printString).join(' | ')
      case 'tensor-type': {
        const axes = [...(one.anyLeading ? ['...'] : []), ...one.shape.map(expression)]
        return join(`${one.dtype.text}[`, separate(axes, ', '), ']')
      }
      default:
        return one satisfies never
    }
  }

  function clause(one: MoeClause): Doc {
    switch (one.kind) {
      case 'experts':
      case 'shared':
        return join(`${one.kind} `, expression(one.count), ' of ', call(one.of))
      case 'route':
        return join('route ', call(one.policy))
      case 'require':
        return join('require ', constraint(one.constraint))
      default:
        return one satisfies never
    }
  }

  function constraint(one: Constraint): Doc {
    switch (one.kind) {
      case 'dropless':
        return 'dropless'
      case 'capacity':
        return join('capacity ', expression(one.factor), ` overflow ${one.overflow}`)
      case 'groups':
        return join('groups ', expression(one.count), ' keep ', expression(one.keep))
      case 'bias-balanced':
        return join('bias balanced at ', expression(one.rate))
      case 'balanced-within':
        return join('balanced within ', within(one.percent, unaryPrecedences['-']), '%')
      case 'expert-choice':
        return 'expert choice'
      case 'at-most':
        return join('at most ', expression(one.tokens), ' tokens an expert')
      case 'each-token':
        return join('each token ', expression(one.experts), ' experts')
      default:
        return one satisfies never
    }
  }

  return { expression, type, slices, list }
}
