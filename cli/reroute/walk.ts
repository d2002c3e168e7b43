/** Every routed layer of a syntax tree, given another form; all else stays as it is, spans and comments included. */
import type { Expression, File, MoeExpression, Statement } from '../../grammar/ast.ts'

type Change = (moe: MoeExpression) => MoeExpression

function expression(one: Expression, change: Change): Expression {
  const inner = (part: Expression): Expression => expression(part, change)
  switch (one.kind) {
    case 'moe':
      return change({ ...one, input: inner(one.input) })
    case 'binary':
      return { ...one, left: inner(one.left), right: inner(one.right) }
    case 'unary':
    case 'transpose':
    case 'index':
      return { ...one, operand: inner(one.operand) }
    case 'conditional':
      return { ...one, condition: inner(one.condition), then: inner(one.then), otherwise: inner(one.otherwise) }
    case 'list':
      return { ...one, items: one.items.map(inner) }
    case 'call':
      return { ...one, arguments: one.arguments.map((argument) => ({ ...argument, value: inner(argument.value) })) }
    default:
      return one
  }
}

/** Statements in which a moe may stand: those of models and blocks. */
function statement(one: Statement, change: Change): Statement {
  switch (one.kind) {
    case 'let':
    case 'assign':
    case 'return':
      return { ...one, value: expression(one.value, change) }
    case 'output':
      return { ...one, value: expression(one.value, change) }
    case 'repeat':
      return { ...one, body: one.body.map((inside) => statement(inside, change)) }
    default:
      return one
  }
}

export const changeMoes = (file: File, change: Change): File => ({
  ...file,
  declarations: file.declarations.map((declaration) => ({
    ...declaration,
    body: declaration.body.map((one) => statement(one, change)),
  })),
})
