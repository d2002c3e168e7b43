/**
 * Lowers the body of an expert. A value is in rows ([N, ...], one entry per row), banked ([E, ...], one entry per expert,
 * computed from weights alone) or plain. Where a banked value is combined with rows, each row uses the entry of its own expert.
 */
import { ONE } from '../../plan/dim.ts'
import type { Node } from '../graph/node.ts'
import { substituteOptions } from '../model/builtin/options.ts'
import { BUILTINS } from '../model/builtin/table.ts'
import type { ApplyTerm, Term } from '../model/model.ts'
import { isBanked } from '../model/types/rows.ts'
import { emitNodes, sameShape } from './emit.ts'
import { originIn, sizeIn, sizesIn, type Environment } from './environment.ts'
import { siteOf, type Site } from './site.ts'

/** A builtin of which an operand is banked. */
export function applyBanked(environment: Environment, term: ApplyTerm, operands: readonly Node[]): Node {
  if (isBanked(term)) return applyLifted(environment, term, operands)
  const { builtin, options } = term
  const [left, right] = term.operands
  if (builtin === 'matmul' && right.shape.length === 2 && left.shape.length === 2)
    return groupedMatmul(environment, term, operands, options.transposed)
  const inRows = operands.map((node, i) => (isBanked(term.operands[i]) ? rowsOf(environment, term, node) : node))
  if (builtin === 'matmul' && left.shape.length === 2) return singleRows(environment, term, inRows)
  return expand(environment, term, inRows)
}

const expand = (environment: Environment, term: ApplyTerm, operands: readonly Node[]): Node =>
  BUILTINS[term.builtin].expand(
    emitNodes(environment, originIn(environment, term.origin)),
    operands,
    substituteOptions(term.options, sizesIn(environment)),
  )

/** x @ w.T with the matrix of each row's own expert. */
function groupedMatmul(environment: Environment, term: ApplyTerm, [x, bank]: readonly Node[], isTransposed: boolean): Node {
  const { builder, expertOfRow } = environment
  const origin = originIn(environment, term.origin)
  const stored = isTransposed ? bank : builder.make('transpose', [bank], { order: [0, 2, 1] }, origin)
  const product = builder.make('grouped_matmul', [x, stored, expertOfRow!.expert], {}, origin)
  return environment.training && expertOfRow!.isPartial
    ? zeroWithoutExpert(siteOf(environment, origin), product, expertOfRow!.expert)
    : product
}

/** 0 in rows without an expert: a device leaves them as they were, and a gradient of 0 times what is there may be none. */
function zeroWithoutExpert(site: Site, product: Node, expert: Node): Node {
  const isThere = site.make('less', [site.make.like(expert, -1), expert], {})
  return site.make.where(site.make.broadcast(isThere, product.shape, [0]), product, 0)
}

/** The entries of each row's expert, with axes of size 1 so that they broadcast beside rows of the result's rank. */
function rowsOf(environment: Environment, term: ApplyTerm, bank: Node): Node {
  const { builder, expertOfRow } = environment
  const origin = originIn(environment, term.origin)
  const taken = builder.make('take', [bank, expertOfRow!.entry], {}, origin)
  if (!BUILTINS[term.builtin].elementwise) return taken
  const [rows, ...own] = taken.shape
  // an axis beside the rows' own has size 1 in the expert's value: it is the rows' now
  const beside = own.slice(Math.max(0, own.length - (term.shape.length - 1)))
  const missing = Array.from({ length: term.shape.length - 1 - beside.length }, () => ONE)
  const shape = [rows, ...missing, ...beside]
  return sameShape(shape, taken.shape) ? taken : builder.make('reshape', [taken], { shape }, origin)
}

/** Rows of one vector each times a matrix each. */
function singleRows(environment: Environment, term: ApplyTerm, [x, matrices]: readonly Node[]): Node {
  const { builder } = environment
  const origin = originIn(environment, term.origin)
  const last = term.options.transposed ? 2 : 1
  return builder.make('contract', [x, matrices], { batch: [[0, 0]], over: [[1, last]] }, origin)
}

/** A builtin on weights alone: for all experts at once, along a leading axis. */
function applyLifted(environment: Environment, term: ApplyTerm, operands: readonly Node[]): Node {
  const { builder } = environment
  const origin = originIn(environment, term.origin)
  const bank = term.operands.map((operand) => bankSize(operand)).find((size) => size !== null) ?? ONE
  const experts = sizeIn(environment, bank)
  const rank = Math.max(...term.operands.map((operand) => operand.shape.length))
  const lifted = operands.map((node, i) => {
    const [, ...own] = node.shape
    if (!isBanked(term.operands[i]) || !BUILTINS[term.builtin].elementwise || own.length === rank) return node
    const shape = [experts, ...Array.from({ length: rank - own.length }, () => ONE), ...own]
    return builder.make('reshape', [node], { shape }, origin)
  })
  const { options } = term
  // an axis counted from the front is one further back now
  const shifted = options.axis >= 0 ? { ...options, axis: options.axis + 1 } : options
  return BUILTINS[term.builtin].expand(emitNodes(environment, origin), lifted, substituteOptions(shifted, sizesIn(environment)))
}

function bankSize(term: Term): NonNullable<(Term & { kind: 'weight' })['bank']> | null {
  switch (term.kind) {
    case 'weight':
      return term.bank
    case 'apply':
      return term.operands.map(bankSize).find((size) => size !== null) ?? null
    case 'call':
      return bankSize(term.result)
    case 'conditional':
      return bankSize(term.then) ?? bankSize(term.otherwise)
    default:
      return null
  }
}
