/** Reads what `print` writes. */
import type { Dim } from '../../plan/dim.ts'
import { Cursor } from './cursor.ts'
import type { Graph, Node, Origin } from './node.ts'
import { isOpName, readParams } from './params.ts'
import { readRole } from './role.ts'
import type { DType, OpName, OpParams } from './vocabulary.ts'
import { isOp } from './walk.ts'

/** How nodes come to be: `make` of a builder. */
export type Make = <N extends OpName>(op: N, inputs: readonly Node[], params: OpParams[N], origin: Origin) => Node<N>

const DTYPES: Record<DType, true> = { f32: true, i32: true, bool: true }
const isDType = (word: string): word is DType => Object.hasOwn(DTYPES, word)

type Draft = { -readonly [K in keyof Graph]: Graph[K] extends readonly (infer T)[] ? T[] : Graph[K] }

interface State {
  readonly graph: Draft
  readonly nodes: Map<number, Node>
  readonly make: Make
}

const readDoc = (cursor: Cursor): string => (cursor.atEnd ? '' : cursor.string())

function readReference(cursor: Cursor, nodes: State['nodes']): Node {
  cursor.expect('%')
  const number = cursor.number()
  return nodes.get(number) ?? cursor.fail(`there is no node %${number} above this line`)
}

function readType(cursor: Cursor): { shape: Dim[]; dtype: DType } {
  cursor.expect(':')
  const dtype = cursor.word()
  if (!isDType(dtype)) return cursor.fail(`'${dtype}' is not a dtype`)
  return { shape: cursor.list(() => cursor.dim()), dtype }
}

function readOperands(cursor: Cursor, nodes: State['nodes']): Node[] {
  const operands: Node[] = []
  if (!cursor.takes('(')) return operands
  do operands.push(readReference(cursor, nodes))
  while (cursor.takes(','))
  cursor.expect(')')
  return operands
}

function readNode(cursor: Cursor, { graph, nodes, make }: State): void {
  const number = cursor.number()
  if (nodes.has(number)) cursor.fail(`%${number} stands twice`)
  cursor.expect('=')
  const op = cursor.word()
  if (!isOpName(op)) return cursor.fail(`'${op}' is not an op`)
  const operands = readOperands(cursor, nodes)
  const params = readParams(op, cursor)
  const type = readType(cursor)
  const instance = cursor.takes('@') ? cursor.string() : ''
  const node = makeChecked(cursor, () => make(op, operands, params(type), { span: null, instance }))
  if (typeKey(node) !== typeKey(type)) cursor.fail(`%${number} is ${typeKey(node)}`)
  nodes.set(number, node)
  if (isOp(node, 'input') && !graph.inputs.includes(node)) graph.inputs.push(node)
}

const typeKey = ({ shape, dtype }: { readonly shape: readonly Dim[]; readonly dtype: DType }): string =>
  `${dtype}[${shape.map((size) => size.key).join(', ')}]`

function makeChecked(cursor: Cursor, make: () => Node): Node {
  try {
    return make()
  } catch (error) {
    return cursor.fail((error as Error).message)
  }
}

function readLine(cursor: Cursor, state: State): void {
  const { graph } = state
  if (cursor.takes('%')) return readNode(cursor, state)
  const word = cursor.word()
  if (word === 'graph') {
    graph.name = cursor.string()
    graph.doc = readDoc(cursor)
  } else if (word === 'dim') {
    graph.dims.push({ name: cursor.word(), doc: readDoc(cursor) })
  } else if (word === 'doc') {
    graph.docs = { ...graph.docs, [cursor.string()]: cursor.string() }
  } else if (word === 'output') {
    const name = cursor.string()
    cursor.expect('=')
    const node = readReference(cursor, state.nodes)
    const role = cursor.takes('as') ? { role: readRole(cursor) } : {}
    const replaces = cursor.takes('replaces') ? { replaces: cursor.string() } : {}
    graph.outputs.push({ name, node, doc: readDoc(cursor), ...role, ...replaces })
  } else {
    cursor.fail(`'${word}' begins no line`)
  }
}

/**
 * A graph of nodes made by `make`, which is a fresh builder's. Blank lines and lines that begin with `#` are skipped.
 * Throws a GraphSyntaxError that names the line.
 */
export function parse(text: string, make: Make): Graph {
  const state: State = { graph: { name: '', doc: '', dims: [], inputs: [], outputs: [], docs: {} }, nodes: new Map(), make }
  for (const [i, line] of text.split('\n').entries()) {
    if (/^\s*(#|$)/.test(line)) continue
    const cursor = new Cursor(line, i + 1)
    readLine(cursor, state)
    if (!cursor.atEnd) cursor.fail('there is more on the line than it takes')
  }
  return state.graph
}
