/** Matmuls: operands within their buffers, addresses, and an epilogue that stores each element at a place of its own. */
import { evaluate, type DimValues } from '../../../../plan/dim.ts'
import { operandsOf } from '../../../scalar/build.ts'
import type { Expression } from '../../../scalar/expression.ts'
import { allStatements, synchronizes } from '../../../scalar/walk.ts'
import { COLUMN, EXPERT, K_INDEX, ROW, sumOf, type Matmul, type Operand } from '../matmul.ts'
import { addressesOf } from '../print.ts'
import type { Check } from './check.ts'
import { below, sizesOf } from './ranges.ts'
import type { Report } from './report.ts'
import { createSample, given, innerScope, rootScope, type Sample, type Scope } from './scope.ts'
import { checkStatements } from './statements.ts'
import { checkExpression } from './types.ts'

const nameOf = (variable: Expression): string => (variable as Expression & { readonly kind: 'variable' }).name
const RESERVED = [ROW, COLUMN, EXPERT, K_INDEX].map(nameOf)

export function checkMatmul(matmul: Matmul, check: Check): void {
  const { report } = check
  const scope = rootScope(
    RESERVED.map((name) => [name, given('u32')] as const),
    new Map(),
    samplesOf(matmul, check),
  )
  report.at('left operand', () => checkOperand(matmul.left, scope, check))
  for (const [p, right] of matmul.rights.entries()) report.at(`right operand ${p}`, () => checkOperand(right, scope, check))
  report.at('experts', () => checkAddresses(matmul, scope, check))
  const epilogue = innerScope(scope)
  matmul.rights.forEach((_, p) => epilogue.variables.set(nameOf(sumOf(p)), given('f32')))
  checkStatements(matmul.epilogue, epilogue, check)
  for (const s of allStatements(matmul.epilogue))
    if (synchronizes(s)) report.faultAt(s, 'the epilogue of a matmul cannot synchronize')
  checkInjective(matmul, report)
}

function samplesOf(matmul: Matmul, { kernel }: Check): readonly Sample[] {
  return sizesOf(kernel).flatMap((dims) => {
    const [rows, columns, k] = [matmul.rows, matmul.columns, matmul.k].map((dim) => evaluate(dim, dims))
    const counts = [rows, columns, expertsOf(matmul, dims), k]
    const known = new Map(RESERVED.map((name, at) => [name, below(counts[at])]))
    return rows > 0 && columns > 0 ? [createSample(dims, known)] : []
  })
}

function expertsOf({ rowGrouping, kRange }: Matmul, dims: DimValues): number {
  if (rowGrouping.kind === 'batched') return evaluate(rowGrouping.batch, dims)
  if (rowGrouping.kind === 'dense') return kRange.kind === 'all' ? 1 : kRange.experts
  return rowGrouping.experts
}

function checkOperand(operand: Operand, { samples }: Scope, { report, bindings }: Check): void {
  bindings.load(operand.buffer, 'f32')
  const binding = bindings.get(operand.buffer)
  if (binding === undefined || operand.layout !== 'k-major') return
  for (const { dims, intervalOf } of samples) {
    const base = intervalOf(operand.base)
    const elements = evaluate(binding.elements, dims)
    if (base !== null && base.high >= elements && elements > 0)
      return report.fault(`its base reaches ${base.high}; @${operand.buffer} has ${elements} elements`)
  }
}

function checkAddresses(matmul: Matmul, scope: Scope, check: Check): void {
  for (const source of [matmul.rowGrouping, matmul.kRange])
    if (source.kind === 'sorted') check.bindings.load(source.buffer, 'i32')
  for (const address of addressesOf(matmul)) {
    if (address.type !== 'u32' && address.type !== 'i32') check.report.fault(`an address is ${address.type}`)
    checkExpression(address, scope, check)
  }
}

/** The names of the variables that an index depends on; a load may depend on any. */
function variablesIn(e: Expression, found = new Set<string>()): ReadonlySet<string> {
  if (e.kind === 'variable') found.add(e.name)
  if (e.kind === 'load') for (const name of RESERVED) found.add(name)
  for (const operand of operandsOf(e)) variablesIn(operand, found)
  return found
}

/** No two elements of a matmul may be stored at one index. */
function checkInjective({ epilogue, rows, columns }: Matmul, report: Report): void {
  const axes = [
    { name: nameOf(ROW), count: rows },
    { name: nameOf(COLUMN), count: columns },
  ]
  for (const s of epilogue) {
    if (s.kind !== 'store') continue
    const used = variablesIn(s.index)
    for (const { name, count } of axes)
      if (!used.has(name) && count.key !== '1') report.faultAt(s, `elements of every ${name} are stored at one index`)
  }
}
