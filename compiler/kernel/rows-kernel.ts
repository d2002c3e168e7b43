/**
 * Rows reduced along their last axis, with everything that stays within a row: norms, softmax, and whole routers. Two forms: lanes that
 * walk one row together, for long rows; one lane a row, for short rows and wherever a row is ranked. In the second form the scores may be
 * products computed by the same workgroup into its memory, and the experts chosen are counted block by block.
 */
import { ceilDivide, constantValue, product, type Dim } from '../../plan/dim.ts'
import { records } from '../ops/records.ts'
import type { Node } from '../graph/node.ts'
import type { Expression, ReduceWord, ScalarType, Statement } from '../scalar/expression.ts'
import { add, binary, cast, divide, element, less, literal, load, multiply, reduce, remainder, select, size, u32, unary, variable } from '../scalar/build.ts'
import { foldStart } from '../scalar/fold.ts'
import { openScope, type KernelScope, type ScheduleContext } from './context.ts'
import { describe, kernelName } from './describe.ts'
import { delinearise } from './indexing.ts'
import type { Computation, KernelProgram } from './kernel.ts'
import { LimitError } from './limit-error.ts'
import type { Group } from './group.ts'
import { ROUTER_ROWS } from './partition.ts'
import { productView } from './product-view.ts'

/** Rows up to this length are walked by one lane. */
const SHORT_ROW = 32

export function rowsKernel(group: Group, context: ScheduleContext): KernelProgram {
  return new RowsKernel(group, context).build()
}

type Shared = { readonly name: string; readonly type: ScalarType; readonly length: number }

const FOLD = { sum: 'add', max: 'maximum', min: 'minimum' } as const

/** Identity is the body being written and the names given so far. */
class RowsKernel {
  readonly members: readonly Node[]
  readonly rows: Dim
  readonly scope: KernelScope
  /** A row that lanes walk together, against one lane a row. */
  readonly together: boolean
  readonly rowsPerWorkgroup: number
  readonly lanes: number
  readonly statements: Statement[] = []
  /** Row scalars that stand in a variable. */
  readonly scalars = new Map<Node, Expression>()
  /** Row vectors that stand in an array; the place of element i. */
  readonly vectors = new Map<Node, { name: string; at: (i: Expression) => Expression }>()
  readonly shared: Shared[] = []
  names = 0

  readonly group: Group
  readonly context: ScheduleContext

  constructor(group: Group, context: ScheduleContext) {
    this.group = group
    this.context = context
    this.members = [...group.members].sort((a, b) => a.id - b.id)
    this.rows = product(group.anchor.inputs[0].shape.slice(0, -1))
    this.together = !this.ranks && !this.isShort
    this.rowsPerWorkgroup = this.together ? 1 : this.rowsInWorkgroup()
    this.lanes = this.together ? this.lanesForLongRow() : this.lanesForRows()
    this.scope = openScope(context, group.members, (node, indices) => this.held(node, indices))
  }

  get ranks(): boolean {
    return this.members.some((node) => node.op === 'top_k')
  }

  get isShort(): boolean {
    return this.members.every((node) => {
      const length = records[node.op].kind === 'reduction' ? constantValue(node.inputs[0].shape.at(-1)!) : 0
      return length !== undefined && length <= SHORT_ROW
    })
  }

  get counts(): (Node & { op: 'count_experts' }) | undefined {
    return this.members.find((node): node is Node & { op: 'count_experts' } => node.op === 'count_experts')
  }

  /** A router counts in blocks, so a workgroup takes one block; alone, rows go by the lane. */
  rowsInWorkgroup(): number {
    if (this.counts !== undefined) return this.counts.params.block
    if (this.group.heads.length === 0) return this.context.target.kind === 'cpu' ? 8 : 64
    return this.context.regime === 'few' ? 1 : ROUTER_ROWS
  }

  lanesForRows(): number {
    if (this.group.heads.length === 0) return this.rowsPerWorkgroup
    return Math.max(64, this.rowsPerWorkgroup)
  }

  lanesForLongRow(): number {
    const { target } = this.context
    if (target.kind === 'cpu') return target.subgroupSize ?? 1
    const longest = Math.max(...this.members.filter((n) => records[n.op].kind === 'reduction').map((n) => constantValue(n.inputs[0].shape.at(-1)!) ?? 256))
    return longest >= 1024 ? Math.min(256, target.maxInvocationsPerWorkgroup) : 64
  }

  build(): KernelProgram {
    const { group, context } = this
    const computation: Computation = {
      kind: 'workgroups',
      workgroups: ceilDivide(this.rows, this.rowsPerWorkgroup),
      lanes: this.lanes,
      shared: this.shared,
      body: this.together ? this.walkTogether() : this.walkAlone(),
    }
    const [template, reason] = this.templateAndReason()
    return {
      name: kernelName(group, this.ranks ? 'route' : 'rows'),
      template,
      reason: reason + (context.regime === 'few' && group.heads.length > 0 ? '; few tokens: the depth of each product is shared by the lanes' : ''),
      buffers: this.scope.naming.buffers(),
      computation,
      origin: group.anchor.origin,
      does: describe(group),
    }
  }

  templateAndReason(): readonly [string, string] {
    if (this.together) return ['rows together', `${this.lanes} lanes walk each row, since rows are long or of unknown length`]
    if (this.group.heads.length > 0) {
      return ['gate', 'scores, ranking and weights of a block of tokens in one workgroup' + (this.counts === undefined ? '' : ', which also counts its experts')]
    }
    return ['rows alone', this.ranks ? 'one lane ranks a row' : `rows are at most ${SHORT_ROW} long: one lane walks each`]
  }

  // ---- values

  readonly row = variable('u32', 'row')

  /** What the kernel holds of a node at full indices: the accessor asks before it computes. */
  held(node: Node, indices: readonly Expression[]): Expression | null {
    const scalar = this.scalars.get(node)
    if (scalar !== undefined) return scalar
    const vector = this.vectors.get(node)
    if (vector !== undefined) return element(node.dtype, vector.name, vector.at(indices.at(-1)!))
    return null
  }

  indices(node: Node, i: Expression | null): readonly Expression[] {
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

  // ---- one lane a row

  walkAlone(): readonly Statement[] {
    const heads = this.group.heads
    const first = multiply(variable('u32', 'workgroup'), u32(this.rowsPerWorkgroup))
    const lane = variable('u32', 'lane')
    const before = heads.flatMap((head) => this.computeHead(head, first))
    const counts = this.counts
    if (counts !== undefined) this.shared.push({ name: 'chosen_rows', type: 'i32', length: this.rowsPerWorkgroup * counted(counts) })
    for (const node of this.members) if (!heads.includes(node) && node !== counts) this.compute(node)
    this.storeResults(u32(0), u32(1))
    const inBounds = less(this.row, size(this.rows))
    const mine = binary('and', less(lane, u32(this.rowsPerWorkgroup)), inBounds)
    const rowBody: Statement[] = [
      { kind: 'let', name: 'row', value: add(first, lane) },
      { kind: 'if', condition: this.lanes === this.rowsPerWorkgroup ? inBounds : mine, body: this.statements, otherwise: [] },
    ]
    return [...before, ...rowBody, ...(counts === undefined ? [] : this.countChosen(counts, first))]
  }

  /** The products of the workgroup's rows, into its memory; the depth is split where there are more lanes than products. */
  computeHead(head: Node, first: Expression): readonly Statement[] {
    const view = productView(head)
    const columns = constantValue(view.columns)!
    const pairs = this.rowsPerWorkgroup * columns
    const split = Math.max(1, 2 ** Math.floor(Math.log2(this.lanes / pairs)))
    const scores = this.fresh('scores')
    const partial = split > 1 ? this.fresh('partial') : scores
    this.shared.push({ name: scores, type: 'f32', length: pairs })
    if (split > 1) this.shared.push({ name: partial, type: 'f32', length: pairs * split })
    this.vectors.set(head, { name: scores, at: (i) => add(multiply(variable('u32', 'lane'), u32(columns)), i) })

    const [left, right] = [this.scope.bufferOf(view.left), this.scope.bufferOf(view.right)]
    const depth = size(view.depth)
    const name = this.fresh('p')
    const p = variable('u32', name)
    const pair = divide(p, u32(split))
    const row = add(first, divide(pair, u32(columns)))
    const d = this.scope.accessor.freshVariable()
    const step = variable('u32', d)
    const at = split === 1 ? step : add(multiply(step, u32(split)), remainder(p, u32(split)))
    const l = load('f32', left, add(multiply(row, depth), at))
    const r = load('f32', right, add(multiply(remainder(pair, u32(columns)), depth), at))
    const term = split === 1 ? multiply(l, r) : select(less(at, depth), multiply(l, r), literal('f32', 0))
    const extent = split === 1 ? depth : divide(add(depth, u32(split - 1)), u32(split))
    const sum: Expression = reduce('sum', d, extent, term)
    const fill: Statement = {
      kind: 'for', variable: name, from: variable('u32', 'lane'), below: u32(pairs * split), step: u32(this.lanes),
      body: [{
        kind: 'if', condition: less(row, size(this.rows)), otherwise: [],
        body: [{ kind: 'assign-element', array: partial, index: p, value: sum }],
      }],
    }
    if (split === 1) return [fill, { kind: 'barrier' }]
    const s = this.scope.accessor.freshVariable()
    const parts = element('f32', partial, add(multiply(p, u32(split)), variable('u32', s)))
    const total: Statement = {
      kind: 'for', variable: name, from: variable('u32', 'lane'), below: u32(pairs), step: u32(this.lanes),
      body: [{ kind: 'assign-element', array: scores, index: p, value: reduce('sum', s, u32(split), parts) }],
    }
    return [fill, { kind: 'barrier' }, total, { kind: 'barrier' }]
  }

  /** Puts into variables and arrays what is needed more than once or out of order; the rest is computed where it is read. */
  compute(node: Node): void {
    const kind = records[node.op].kind
    if (kind === 'reduction') this.reduceRow(node)
    else if (node.op === 'top_k') this.rank(node)
    else if (product(node.shape) === this.rows && kind === 'elementwise') this.nameScalar(node)
    else if (!this.together && this.deservesArray(node)) this.fillArray(node)
    // what is now held takes the place of what was worked out before
    this.scope.accessor.forget()
    if (this.counts?.inputs[0] === node) this.shareChosen(node)
  }

  nameScalar(node: Node): void {
    const name = this.fresh('s')
    this.statements.push({ kind: 'let', name, value: this.value(node, null) })
    this.scalars.set(node, variable(node.dtype, name))
  }

  reduceRow(node: Node): void {
    const word = node.op as ReduceWord
    const name = this.fresh(word)
    const i = this.fresh('i')
    const [from] = node.inputs
    const length = size(from.shape.at(-1)!)
    this.statements.push({ kind: 'var', name, value: literal(node.dtype, foldStart(word, node.dtype)) })
    const value = binary(FOLD[word], variable(node.dtype, name), this.value(from, variable('u32', i)))
    this.statements.push({
      kind: 'for', variable: i, from: this.together ? variable('u32', 'lane') : u32(0), below: length, step: u32(this.together ? this.lanes : 1),
      body: [{ kind: 'assign', name, value }],
    })
    if (this.together) this.statements.push({ kind: 'combine', name, type: node.dtype, word })
    this.scalars.set(node, variable(node.dtype, name))
  }

  /** A vector that several loops read, or that is ranked, and that costs more than a load. */
  deservesArray(node: Node): boolean {
    if (records[node.op].kind !== 'elementwise') return false
    const readers = this.context.partition.users.get(node)!.filter((user) => this.group.members.has(user))
    const loops = readers.some((user) => user.op === 'top_k') ? 2 : readers.length
    return loops > 1 && constantValue(node.shape.at(-1)!) !== undefined
  }

  fillArray(node: Node): void {
    const name = this.fresh('row_values')
    const i = this.fresh('i')
    const length = constantValue(node.shape.at(-1)!)!
    this.statements.push({ kind: 'array', name, type: node.dtype, length })
    this.statements.push({
      kind: 'for', variable: i, from: u32(0), below: u32(length), step: u32(1),
      body: [{ kind: 'assign-element', array: name, index: variable('u32', i), value: this.value(node, variable('u32', i)) }],
    })
    this.vectors.set(node, { name, at: (at) => at })
  }

  /**
   * k rounds, each finding the largest that is not taken: the first of equals, a NaN only when nothing else is left. Every round finds
   * one, so every index is valid whatever the scores are.
   */
  rank(node: Node & { op: 'top_k' }): void {
    const [from] = node.inputs
    const { k } = node.params
    const length = constantValue(from.shape.at(-1)!)
    if (length === undefined) {
      const along = from.shape.at(-1)!.key
      throw new LimitError('SMOE6002', `the length of what is ranked, ${along}, is known only at a run`, 'rank along an axis whose size is a parameter', node.origin)
    }
    const [taken, chosen, round, i, best, bestAt, found] = ['taken', 'chosen', 'round', 'i', 'best', 'best_at', 'found'].map((base) => this.fresh(base))
    const at = variable('u32', i)
    const value = this.value(from, at)
    const bestValue = variable(from.dtype, best)
    const isNumber = (e: Expression): Expression => binary('equal', e, e)
    const current = variable(from.dtype, `${best}_next`)
    const beats = binary('or', binary('less', bestValue, current), binary('and', unary('not', isNumber(bestValue)), isNumber(current)))
    const better = binary('or', unary('not', variable('bool', found)), beats)
    const free = binary('equal', element('u32', taken, at), u32(0))
    this.statements.push({ kind: 'array', name: taken, type: 'u32', length }, { kind: 'array', name: chosen, type: 'i32', length: k })
    this.statements.push({
      kind: 'for', variable: round, from: u32(0), below: u32(k), step: u32(1),
      body: [
        { kind: 'var', name: best, value: literal(from.dtype, 0) },
        { kind: 'var', name: bestAt, value: u32(0) },
        { kind: 'var', name: found, value: literal('bool', 0) },
        {
          kind: 'for', variable: i, from: u32(0), below: u32(length), step: u32(1),
          body: [
            { kind: 'let', name: `${best}_next`, value },
            {
              kind: 'if', condition: binary('and', free, better), otherwise: [],
              body: [
                { kind: 'assign', name: best, value: current },
                { kind: 'assign', name: bestAt, value: at },
                { kind: 'assign', name: found, value: literal('bool', 1) },
              ],
            },
          ],
        },
        { kind: 'assign-element', array: taken, index: variable('u32', bestAt), value: u32(1) },
        { kind: 'assign-element', array: chosen, index: variable('u32', round), value: cast('i32', variable('u32', bestAt)) },
      ],
    })
    this.vectors.set(node, { name: chosen, at: (where) => where })
  }

  /** What each row has chosen, where the lanes that count can read it. */
  shareChosen(node: Node): void {
    const j = this.fresh('j')
    const at = variable('u32', j)
    const k = constantValue(node.shape.at(-1)!)!
    this.statements.push({
      kind: 'for', variable: j, from: u32(0), below: u32(k), step: u32(1),
      body: [{ kind: 'assign-element', array: 'chosen_rows', index: add(multiply(variable('u32', 'lane'), u32(k)), at), value: this.value(node, at) }],
    })
  }

  /** Each lane counts for its own experts, so the counts need no atomics and are the same in every run. */
  countChosen(node: Node & { op: 'count_experts' }, first: Expression): readonly Statement[] {
    const k = counted(node)
    const { experts } = node.params
    const expert = variable('u32', 'expert')
    const r = this.scope.accessor.freshVariable()
    const place = variable('u32', r)
    const filled = multiply(binary('minimum', u32(this.rowsPerWorkgroup), binary('subtract', size(this.rows), first)), u32(k))
    const isMine = select(binary('equal', element('i32', 'chosen_rows', place), cast('i32', expert)), literal('i32', 1), literal('i32', 0))
    return [
      { kind: 'barrier' },
      {
        kind: 'for', variable: 'expert', from: variable('u32', 'lane'), below: u32(experts), step: u32(this.lanes),
        body: [{
          kind: 'store', buffer: this.scope.naming.write(node),
          index: add(multiply(variable('u32', 'workgroup'), u32(experts)), expert), value: reduce('sum', r, filled, isMine),
        }],
      },
    ]
  }

  storeResults(from: Expression, step: Expression): void {
    for (const node of this.context.partition.results(this.group)) {
      if (node === this.counts) continue
      const buffer = this.scope.naming.write(node)
      if (product(node.shape) === this.rows) {
        const store: Statement = { kind: 'store', buffer, index: this.row, value: this.value(node, u32(0)) }
        this.statements.push(this.together && this.lanes > 1 ? { kind: 'if', condition: binary('equal', variable('u32', 'lane'), u32(0)), body: [store], otherwise: [] } : store)
        continue
      }
      const i = this.fresh('i')
      const at = variable('u32', i)
      const length = size(node.shape.at(-1)!)
      this.statements.push({
        kind: 'for', variable: i, from, below: length, step,
        body: [{ kind: 'store', buffer, index: add(multiply(this.row, length), at), value: this.value(node, at) }],
      })
    }
  }

  // ---- lanes walk a row together

  walkTogether(): readonly Statement[] {
    for (const node of this.members) this.compute(node)
    this.storeResults(variable('u32', 'lane'), u32(this.lanes))
    return [{ kind: 'let', name: 'row', value: variable('u32', 'workgroup') }, ...this.statements]
  }
}

const counted = (node: Node): number => constantValue(node.inputs[0].shape.at(-1)!)!

