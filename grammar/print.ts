/** The canonical form of a file: two blanks a level, 110 columns, one empty line at most, every comment kept. */
import type { Argument, Declaration, File, Import, Parameter, Statement, TypeNode, WeightLine, WeightPathPart } from './ast.ts'
import { commentText, createLedger, type Ledger } from './comments.ts'
import { group, hardBreak, indent, join, line, render, separate, trailing, type Doc } from './document.ts'
import { createWriter, type Writer } from './print-expressions.ts'
import { printString } from './spell.ts'
import type { Span } from './source.ts'

export const printedWidth = 110

/**
 * Text that parses to the same tree; printing that again changes nothing. The file must be free of syntax errors, or parts are
 * lost.
 */
export function print(file: File): string {
  const ledger = createLedger(file)
  const printer = createPrinter(ledger, file.comments.length === 0)
  const items: readonly (Import | Declaration)[] = [...file.imports, ...file.declarations].sort(
    (a, b) => a.span.start - b.span.start,
  )
  const rows = sequence(
    ledger,
    items,
    { start: 0, end: Infinity },
    {
      print: (item) => ('kind' in item ? printer.declaration(item) : printer.import(item)),
      mustPart: (before, after) => 'kind' in before || 'kind' in after,
    },
  )
  const text = render(join(...rows), printedWidth)
  return text === '' ? '' : `${text.trimEnd()}\n`
}

function pathText(part: WeightPathPart): string {
  if (part.kind === 'name') return part.name.text
  return part.kind === 'index' ? `{${part.name.text}}` : `{${part.names.map(({ text }) => text).join(', ')}}`
}

interface Manner<T> {
  readonly print: (item: T) => Doc
  /** Does an empty line always stand between them? */
  readonly mustPart?: (before: T, after: T) => boolean
}

/** Rows with the comments around them and the empty lines between them; begins and ends without a break. */
function sequence<T extends { readonly span: Span }>(
  ledger: Ledger,
  items: readonly T[],
  range: { start: number; end: number },
  manner: Manner<T>,
): Doc[] {
  const rows: Doc[] = []
  let end = range.start
  const put = (span: { start: number; end: number }, doc: Doc, mustPart: boolean): void => {
    if (rows.length > 0) rows.push(hardBreak, ...(mustPart || ledger.hasBlank(end, span.start) ? [hardBreak] : []))
    rows.push(doc)
    end = span.end
  }
  const putComments = (from: number, to: number, mustPart: boolean): void => {
    for (const comment of ledger.take(from, to)) {
      put(comment.span, commentText(comment), mustPart)
      mustPart = false
    }
  }
  items.forEach((item, i) => {
    const before = items[i - 1]
    const mustPart = before !== undefined && manner.mustPart?.(before, item) === true
    const rowsBefore = rows.length
    putComments(range.start, item.span.start, mustPart)
    const doc = manner.print(item)
    const isFirstOfGroup = rows.length === rowsBefore
    // What stands inside the item where no comment can be printed goes before it.
    putComments(item.span.start, item.span.end, mustPart && isFirstOfGroup)
    put(item.span, doc, mustPart && rows.length === rowsBefore)
    const next = items[i + 1]
    const comment = ledger.takeTrailing(item.span.end, next?.span.start ?? range.end)
    if (comment !== null) {
      rows.push(trailing(commentText(comment)))
      end = comment.span.end
    }
  })
  putComments(range.start, range.end, false)
  return rows
}

interface Printer {
  readonly import: (item: Import) => Doc
  readonly declaration: (item: Declaration) => Doc
}

function createPrinter(ledger: Ledger, printsDocs: boolean): Printer {
  const writer: Writer = createWriter(ledger, (items, range, print) => block(items, range, print))

  function block<T extends { readonly span: Span }>(
    items: readonly T[],
    range: { start: number; end: number },
    print: (item: T) => Doc,
  ): Doc {
    const opening = ledger.takeOpening(range.start, items[0]?.span.start ?? range.end)
    const rows = sequence(ledger, items, range, { print })
    const after = opening === null ? [] : [trailing(commentText(opening))]
    if (rows.length === 0) return join('{', ...after, ...(opening === null ? ['}'] : [hardBreak, '}']))
    return join('{', ...after, indent(join(hardBreak, ...rows)), hardBreak, '}')
  }

  const docs = (lines: readonly string[]): readonly Doc[] =>
    printsDocs ? lines.flatMap((text) => [text === '' ? '///' : `/// ${text}`, hardBreak]) : []

  const printImport = ({ names, from, span }: Import): Doc => {
    const items = names.map(({ name, alias, span: at }) => ({
      span: at,
      doc: alias === null ? name.text : `${name.text} as ${alias.text}`,
    }))
    return join('import ', writer.list(items, { open: '{', close: '}', gap: line, span }), ` from ${printString(from)}`)
  }

  const parameter = ({ name, type, range, default: value, doc }: Parameter): Doc =>
    join(
      ...docs(doc),
      `${name.text}: `,
      writer.type(type),
      ...(range === null
        ? []
        : [
            ' in ',
            ...(range.low === null ? [] : [writer.expression(range.low)]),
            '..',
            ...(range.high === null ? [] : [writer.expression(range.high)]),
          ]),
      ...(value === null ? [] : [' = ', writer.expression(value)]),
    )

  const declaration = ({ declares, name, parameters, result, body, doc, span }: Declaration): Doc => {
    const end = body[0]?.span.start ?? span.end
    const items = parameters.map((one) => ({ span: one.span, doc: () => parameter(one) }))
    const head = writer.list(items, { open: '(', close: ')', span: { ...span, start: name.span.end } })
    const arrow = result === null ? [] : [' -> ', writer.type(result)]
    const from = result?.span.end ?? parameters.at(-1)?.span.end ?? name.span.end
    return join(
      ...docs(doc),
      `${declares} ${name.text}`,
      head,
      ...arrow,
      ' ',
      statements(body, { start: Math.min(from, end), end: span.end }),
    )
  }

  const statements = (body: readonly Statement[], range: { start: number; end: number }): Doc => block(body, range, statement)

  const typed = (type: TypeNode | null): readonly Doc[] => (type === null ? [] : [': ', writer.type(type)])

  function statement(one: Statement): Doc {
    const { expression } = writer
    switch (one.kind) {
      case 'let':
        return group(
          join(
            ...docs(one.doc),
            `${one.mutable ? 'var' : 'let'} ${one.name.text}`,
            ...typed(one.type),
            ' = ',
            expression(one.value),
          ),
        )
      case 'assign':
        return join(`${one.name.text} = `, expression(one.value))
      case 'param':
        return join(
          ...docs(one.doc),
          `param ${one.name.text}`,
          ...typed(one.type),
          ...(one.initialiser === null ? [] : [' = ', expression(one.initialiser)]),
        )
      case 'input':
        return join(...docs(one.doc), `input ${one.name.text}`, ...typed(one.type))
      case 'output':
        return join(...docs(one.doc), `output ${one.name.text}`, ...typed(one.type), ' = ', expression(one.value))
      case 'return':
        return join('return ', expression(one.value))
      case 'weigh':
        return join('weigh ', expression(one.value))
      case 'keep':
        return join('keep ', expression(one.value))
      case 'loss':
      case 'metric':
        return join(...docs(one.doc), `${one.kind} ${one.name.text} = `, expression(one.value))
      case 'select':
        return join('select top ', expression(one.count), ' by ', expression(one.by))
      case 'assert':
        return join('assert ', expression(one.condition), ...(one.message === null ? [] : [`, ${printString(one.message)}`]))
      case 'once':
        return join('once ', statements(one.body, one.span))
      case 'repeat': {
        const range = join(expression(one.from), '..', expression(one.to))
        return join(
          `repeat ${one.label.text}[${one.index.text}] in `,
          range,
          ' ',
          statements(one.body, { ...one.span, start: one.to.span.end }),
        )
      }
      case 'when-training':
        return whenTraining(one)
      case 'weights':
        return join('weights ', block(one.entries, one.span, entry))
      case 'train':
        return join('train ', statements(one.body, one.span))
      case 'optimiser':
      case 'schedule':
        return join(`${one.kind} `, expression(one.method))
      case 'clip':
      case 'accumulate':
      case 'steps':
      case 'seed':
        return join(`${one.kind} `, expression(one.value))
      case 'batch':
        return join('batch ', separate(one.sizes.map(setting), ', '))
      case 'initialise':
        return join('initialise ', ...(one.pattern === null ? [] : [`${printString(one.pattern)} `]), expression(one.method))
      case 'group': {
        const settings = one.settings.map((given) => ({ span: given.span, doc: () => setting(given) }))
        return join(
          `group ${printString(one.pattern)} `,
          writer.list(settings, { open: '(', close: ')', span: { ...one.span, start: one.pattern.span.end } }),
        )
      }
      case 'learns':
        return join(
          'learns ',
          ...(one.method === null ? [] : [expression(one.method), ' on ']),
          separate(one.selections.map(expression), ', '),
        )
      default:
        return one satisfies never
    }
  }

  function whenTraining({
    rate,
    after,
    atMost,
    isTogether,
    body,
    otherwise,
    span,
  }: Extract<Statement, { kind: 'when-training' }>): Doc {
    const { expression } = writer
    const head = join(
      'when training',
      ...(rate === null ? [] : [' at ', expression(rate)]),
      ...(after === null ? [] : [' after ', expression(after)]),
      ...(atMost === null ? [] : [', at_most ', expression(atMost), ' layers a step']),
      ...(isTogether === true ? [', all layers together'] : []),
      ' ',
    )
    const start = (atMost ?? after ?? rate)?.span.end ?? span.start
    const middle = ledger.closeAfter(body.at(-1)?.span.end ?? start)
    const first = statements(body, { start, end: otherwise === null ? span.end : middle })
    if (otherwise === null) return join(head, first)
    return join(head, first, ' else ', statements(otherwise, { start: middle, end: span.end }))
  }

  const setting = ({ name, value }: Argument): Doc =>
    join(...(name === null ? [] : [`${name.text} = `]), writer.expression(value))

  const entry = (one: WeightLine): Doc => {
    const head = `${one.path.map(pathText).join('.')} = ${printString(one.template)}`
    if (one.kind === 'weight-group') {
      const range = { start: one.template.span.end, end: one.span.end }
      return join(`${head} `, block(one.entries, range, entry))
    }
    const { slices, transpose } = one
    return join(head, ...(slices === null ? [] : [writer.slices(slices)]), transpose ? '.T' : '')
  }

  return { import: printImport, declaration }
}
