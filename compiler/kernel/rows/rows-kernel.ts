/**
 * Reductions of rows along their last axis, with everything that stays within a row: norms, softmax, and whole routers. There are
 * two forms: a workgroup per row, for long rows; a thread per row, for short rows and wherever a row is ranked. In the second
 * form the workgroup may compute the scores as a matmul into its memory, and the expert histogram of its block of rows.
 */
import { ceilDivide, constantValue, product, type Dim } from '../../../plan/dim.ts'
import { isElementwise, isReduction } from '../../ops/kinds.ts'
import type { Node } from '../../graph/node.ts'
import type { Expression, ReduceOpcode, Statement } from '../../scalar/expression.ts'
import { add, binary, element, less, literal, multiply, size, u32, variable } from '../../scalar/build.ts'
import { emptyReduction, reductionIdentity } from '../../scalar/reduction.ts'
import { openScope, type KernelScope, type ScheduleContext } from '../scope/context.ts'
import { describe, kernelName } from '../scope/describe.ts'
import { delinearise } from '../scope/indexing.ts'
import type { KernelProgram } from '../ir/kernel.ts'
import type { Group } from '../group.ts'
import { chosenArray, storeHistogram, shareChosen } from './expert-histogram.ts'
import { rowMapping, type RowMapping } from './row-mapping.ts'
import { scoreMatmul } from './score-matmul.ts'
import { topK } from './top-k.ts'
import type { RowWriter, Shared } from './writer.ts'
import {
  THREAD,
  WORKGROUP,
  define,
  mutable,
  assign,
  setElement,
  store,
  when,
  loopOver,
  loopTo,
  allReduce,
  onFirstThread,
} from '../../scalar/statements.ts'

export function rowsKernel(group: Group, context: ScheduleContext): KernelProgram {
  return new RowsKernel(group, context).build()
}

const FOLD = { sum: 'add', max: 'maximum', min: 'minimum' } as const

/** Its identity is the statements and the names so far. */
class RowsKernel implements RowWriter {
  readonly form: RowMapping
  readonly scope: KernelScope
  private readonly members: readonly Node[]
  private readonly rows: Dim
  private readonly statements: Statement[] = []
  /** Row scalars that are in a variable. */
  private readonly scalars = new Map<Node, Expression>()
  /** Row vectors that are in an array, with the index of element i. */
  private readonly vectors = new Map<Node, { name: string; at: (i: Expression) => Expression }>()
  private readonly shared: Shared[] = []
  private names = 0
  private readonly row = variable('u32', 'row')
  private readonly group: Group
  private readonly context: ScheduleContext

  constructor(group: Group, context: ScheduleContext) {
    this.group = group
    this.context = context
    this.members = [...group.members].sort((a, b) => a.id - b.id)
    this.rows = product(group.anchor.inputs[0].shape.slice(0, -1))
    this.form = rowMapping(group, context)
    this.scope = openScope(context, group.members, (node, indices) => this.held(node, indices))
  }

  build(): KernelProgram {
    const { group, form } = this
    const body = form.together ? this.walkTogether() : this.walkAlone()
    return {
      name: kernelName(group, form.ranks ? 'gate' : 'rows'),
      template: form.template,
      reason: form.reason,
      buffers: this.scope.naming.buffers(),
      computation: {
        kind: 'workgroups',
        workgroups: ceilDivide(this.rows, form.rowsPerWorkgroup),
        workgroupSize: form.threads,
        shared: this.shared,
        body,
      },
      origin: group.anchor.origin,
      does: describe(group),
    }
  }

  // ---- values

  /** The value of a node at full indices, where the kernel has it already: the accessor asks before it computes one. */
  private held(node: Node, indices: readonly Expression[]): Expression | null {
    const scalar = this.scalars.get(node)
    if (scalar !== undefined) return scalar
    const vector = this.vectors.get(node)
    if (vector !== undefined) return element(node.dtype, vector.name, vector.at(indices.at(-1)!))
    return null
  }

  private indices(node: Node, i: Expression | null): readonly Expression[] {
    return i === null || product(node.shape) === this.rows
      ? delinearise(this.row, node.shape)
      : [...delinearise(this.row, node.shape.slice(0, -1)), i]
  }

  value(node: Node, i: Expression | null): Expression {
    return this.scope.accessor.at(node, this.indices(node, i))
  }

  fresh(base: string): string {
    return `${base}${this.names++}`
  }

  share(array: Shared): void {
    this.shared.push(array)
  }

  // ---- a thread per row

  private walkAlone(): readonly Statement[] {
    const { scores } = this.group
    const { counts, rowsPerWorkgroup, threads } = this.form
    const first = multiply(WORKGROUP, u32(rowsPerWorkgroup))
    const before = scores.flatMap((head) => this.computeHead(head, first))
    if (counts !== undefined) this.share(chosenArray(counts, rowsPerWorkgroup))
    for (const node of this.members) if (!scores.includes(node) && node !== counts) this.compute(node)
    this.storeResults(u32(0), u32(1))
    const inBounds = less(this.row, size(this.rows))
    const mine = binary('and', less(THREAD, u32(rowsPerWorkgroup)), inBounds)
    return [
      ...before,
      define('row', add(first, THREAD)),
      when(threads === rowsPerWorkgroup ? inBounds : mine, this.statements),
      ...(counts === undefined ? [] : storeHistogram(counts, first, this.rows, this)),
    ]
  }

  private computeHead(head: Node, first: Expression): readonly Statement[] {
    const { scores, columns, statements } = scoreMatmul(head, first, this.rows, this)
    this.vectors.set(head, { name: scores, at: (i) => add(multiply(THREAD, u32(columns)), i) })
    return statements
  }

  /**
   * Stores values that are read more than once or out of order in variables and arrays; the rest is computed where it is read.
   */
  private compute(node: Node): void {
    if (isReduction(node)) this.reduceRow(node)
    else if (node.op === 'top_k') this.rankRow(node)
    else if (product(node.shape) === this.rows && isElementwise(node)) this.nameScalar(node)
    else if (!this.form.together && this.deservesArray(node)) this.fillArray(node)
    // the stored value replaces expressions that the accessor remembers
    this.scope.accessor.forget()
    if (this.form.counts?.inputs[0] === node) this.statements.push(shareChosen(node, this))
  }

  private nameScalar(node: Node): void {
    const name = this.fresh('s')
    this.statements.push(define(name, this.value(node, null)))
    this.scalars.set(node, variable(node.dtype, name))
  }

  private reduceRow(node: Node): void {
    const word = node.op as ReduceOpcode
    const name = this.fresh(word)
    const i = this.fresh('i')
    const [from] = node.inputs
    const length = size(from.shape.at(-1)!)
    this.statements.push(mutable(name, literal(node.dtype, reductionIdentity(word, node.dtype))))
    const value = binary(FOLD[word], variable(node.dtype, name), this.value(from, variable('u32', i)))
    this.statements.push(
      loopOver(i, this.form.together ? THREAD : u32(0), length, u32(this.form.together ? this.form.threads : 1), () => [
        assign(name, value),
      ]),
    )
    if (this.form.together) this.statements.push(allReduce(name, node.dtype, word))
    const empty = emptyReduction(word, node.dtype)
    if (!(length.kind === 'literal' && length.value > 0) && empty !== reductionIdentity(word, node.dtype)) {
      const isEmpty = binary('equal', length, u32(0))
      this.statements.push(when(isEmpty, [assign(name, literal(node.dtype, empty))]))
    }
    this.scalars.set(node, variable(node.dtype, name))
  }

  /** A vector that several loops read, or that is ranked, and that costs more than a load. */
  private deservesArray(node: Node): boolean {
    if (!isElementwise(node)) return false
    const readers = this.context.fusion.users.get(node)!.filter((user) => this.group.members.has(user))
    const loops = readers.some((user) => user.op === 'top_k') ? 2 : readers.length
    return loops > 1 && constantValue(node.shape.at(-1)!) !== undefined
  }

  private fillArray(node: Node): void {
    const name = this.fresh('row_values')
    const i = this.fresh('i')
    const length = constantValue(node.shape.at(-1)!)!
    this.statements.push({ kind: 'array', name, type: node.dtype, length })
    this.statements.push(
      loopTo(i, u32(length), () => [setElement(name, variable('u32', i), this.value(node, variable('u32', i)))]),
    )
    this.vectors.set(node, { name, at: (at) => at })
  }

  private rankRow(node: Node & { op: 'top_k' }): void {
    const { chosen, statements } = topK(node, this)
    this.statements.push(...statements)
    this.vectors.set(node, { name: chosen, at: (where) => where })
  }

  private storeResults(from: Expression, step: Expression): void {
    for (const node of this.context.fusion.results(this.group)) {
      if (node === this.form.counts) continue
      const buffer = this.scope.naming.write(node)
      if (product(node.shape) === this.rows) {
        const stored = store(buffer, this.row, this.value(node, u32(0)))
        this.statements.push(this.form.together && this.form.threads > 1 ? onFirstThread([stored]) : stored)
        continue
      }
      const i = this.fresh('i')
      const at = variable('u32', i)
      const length = size(node.shape.at(-1)!)
      this.statements.push(
        loopOver(i, from, length, step, () => [store(buffer, add(multiply(this.row, length), at), this.value(node, at))]),
      )
    }
  }

  // ---- a workgroup per row

  private walkTogether(): readonly Statement[] {
    for (const node of this.members) this.compute(node)
    this.storeResults(THREAD, u32(this.form.threads))
    return [define('row', WORKGROUP), ...this.statements]
  }
}
