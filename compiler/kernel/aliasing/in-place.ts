/**
 * Which outputs are written straight into the memory of the weights they replace. Rows that are appended to a cache always are:
 * their kernel stores only those rows, and all other kernels read the cache with them. For anything else: outside of the
 * kernel that writes it, nothing reads such an output, and the weight as it was is read by earlier kernels alone; inside, the
 * weight is read at the very element that is stored, and before. No kernel writes one weight and reads another one that is
 * replaced: those of a store may share a buffer, which a step binds for one of the two only. What is not written in place is
 * copied when all steps are done.
 */
import type { Target } from '../../../plan/target.ts'
import type { Graph, Node } from '../../graph/node.ts'
import { isOp, liveNodes, stateIn } from '../../graph/walk.ts'
import { keepsPlaces } from '../../ops/kinds.ts'
import type { Statement } from '../../scalar/expression.ts'
import type { Computation, KernelProgram } from '../ir/kernel.ts'
import { memoryOf } from '../scope/memory-of.ts'
import { partsOf } from '../parts.ts'
import { hasMatmulTemplate, matmulView } from '../matmul/matmul-view.ts'
import { isReadFirst } from './read-first.ts'

export interface WrittenInPlace {
  readonly kernels: readonly KernelProgram[]
  /** Output that replaces a weight, by name -> the node whose values its kernel stores in the weight. */
  readonly inPlace: ReadonlyMap<string, Node>
}

interface Candidate {
  readonly output: string
  /** The node of the output that is materialized. */
  readonly node: Node
  /** The weight as it was, where anything reads it. */
  readonly weight: Node | null
  /** The kernel that stores it. */
  readonly kernel: number
  /** Whether that kernel reads the weight too. */
  readonly merges: boolean
}

const nameIn = (kernel: KernelProgram, node: Node | null): string | null =>
  kernel.buffers.find((buffer) => buffer.node === node)?.name ?? null

export function writeInPlace(
  graph: Graph,
  kernels: readonly KernelProgram[],
  inMemory: (node: Node) => boolean,
  target: Target,
): WrittenInPlace {
  const replacing = graph.outputs.filter(({ replaces }) => replaces !== undefined)
  if (replacing.length === 0) return { kernels, inPlace: new Map() }
  const weights = stateIn(liveNodes(graph))
  const shown = graph.outputs.map(({ node }) => memoryOf(node, inMemory))
  const timesShown = new Map<Node | null, number>()
  for (const node of shown) timesShown.set(node, (timesShown.get(node) ?? 0) + 1)
  const users = usersOf(kernels)
  const candidates = replacing.flatMap(({ name, node, replaces }): Candidate[] => {
    const [stored, weight] = [memoryOf(node, inMemory)!, weights.get(replaces!) ?? null]
    const using = users.get(stored) ?? []
    const kernel =
      using.find((at) => kernels[at].buffers.some((buffer) => buffer.node === stored && buffer.access === 'read_write')) ?? -1
    if (isOp(stored, 'append')) return [appended(name, stored, kernel, users.get(stored.inputs[0]) ?? [])]
    const isAlone = timesShown.get(stored) === 1 && (weight === null || weight === stored || !timesShown.has(weight))
    if (kernel < 0 || !isAlone || !liesAlike(stored, weight ?? node, target)) return []
    const isRead = using.some((at) => at !== kernel)
    const isLater = weight !== null && (users.get(weight) ?? []).some((at) => at > kernel)
    const merges = nameIn(kernels[kernel], weight) !== null
    if (isRead || isLater || (merges && !readsWhereItStores(kernels[kernel], weight!, stored, inMemory))) return []
    return [{ output: name, node: stored, weight, kernel, merges }]
  })
  return apply(kernels, candidates, new Set(replacing.flatMap(({ replaces }) => weights.get(replaces!) ?? [])))
}

/** Throws where something reads the cache without the rows. */
function appended(output: string, node: Node, kernel: number, readers: readonly number[]): Candidate {
  if (kernel < 0 || readers.length > 0) throw new Error(`${output}: a cache is read before rows are appended to it`)
  return { output, node, weight: node.inputs[0], kernel, merges: false }
}

/** Node -> the kernels that bind its memory, in order. */
function usersOf(kernels: readonly KernelProgram[]): ReadonlyMap<Node, readonly number[]> {
  const users = new Map<Node, number[]>()
  kernels.forEach(({ buffers }, at) => {
    for (const { node } of buffers) {
      const before = users.get(node)
      if (before === undefined) users.set(node, [at])
      else before.push(at)
    }
  })
  return users
}

function liesAlike(a: Node, b: Node, target: Target): boolean {
  const [one, other] = [partsOf(a, target), partsOf(b, target)]
  return one.parts === other.parts && one.partElements === other.partElements
}

function apply(kernels: readonly KernelProgram[], candidates: readonly Candidate[], replaced: ReadonlySet<Node>): WrittenInPlace {
  const inPlace = new Map<string, Node>()
  const byKernel = new Map<number, Candidate[]>()
  for (const candidate of candidates) byKernel.set(candidate.kernel, [...(byKernel.get(candidate.kernel) ?? []), candidate])
  const changed = kernels.map((kernel, at) => {
    const own = byKernel.get(at) ?? []
    const merged = new Set(own.flatMap(({ merges, weight }) => (merges ? [weight] : [])))
    if (kernel.buffers.some(({ node }) => replaced.has(node) && !merged.has(node))) return kernel
    for (const { output, node } of own) inPlace.set(output, node)
    return own.filter(({ merges }) => merges).reduce((before, { weight, node }) => merge(before, weight!, node), kernel)
  })
  return { kernels: changed, inPlace }
}

/** One buffer in the place of two: the weight's. */
function merge(kernel: KernelProgram, weight: Node, stored: Node): KernelProgram {
  const [kept, gone] = [nameIn(kernel, weight)!, nameIn(kernel, stored)!]
  const buffers = kernel.buffers.flatMap((buffer) =>
    buffer.node === stored ? [] : buffer.node === weight ? [{ ...buffer, access: 'read_write' as const }] : [buffer],
  )
  return { ...kernel, buffers, computation: storeElsewhere(kernel.computation, gone, kept) }
}

function storeElsewhere(computation: Computation, from: string, to: string): Computation {
  const moved = (statements: readonly Statement[]): readonly Statement[] =>
    statements.map((statement): Statement => {
      if (statement.kind === 'store') return statement.buffer === from ? { ...statement, buffer: to } : statement
      if (statement.kind === 'if') return { ...statement, body: moved(statement.body), otherwise: moved(statement.otherwise) }
      return statement
    })
  if (computation.kind === 'workgroups') return { ...computation, body: moved(computation.body) }
  if (computation.kind === 'attention') throw new Error('a kernel of attention reads and stores different buffers')
  const { matmul } = computation
  return { kind: 'matmul', matmul: { ...matmul, epilogue: moved(matmul.epilogue) } }
}

function readsWhereItStores(kernel: KernelProgram, weight: Node, stored: Node, inMemory: (node: Node) => boolean): boolean {
  const [read, written] = [nameIn(kernel, weight)!, nameIn(kernel, stored)!]
  return readsByElement(kernel, weight, inMemory) && isReadFirst(storesOf(kernel), read, written)
}

/**
 * Where an invocation stores the elements that it alone has worked out; nothing for kernels whose invocations look at one
 * another's.
 */
function storesOf({ computation, template }: KernelProgram): readonly Statement[] {
  if (computation.kind === 'workgroups') return template === 'elementwise' ? computation.body : []
  return computation.kind === 'matmul' ? computation.matmul.epilogue : []
}

/** Nodes that a kernel may read to compute a node: a matmul reads the operands of gathers and transposes directly. */
const sourcesOf = (node: Node): readonly Node[] =>
  hasMatmulTemplate(node) ? [...node.inputs, ...matmulView(node).operandsInMemory] : node.inputs

/** Whether every way from what a kernel stores to the weight keeps the place of each element. */
function readsByElement(kernel: KernelProgram, weight: Node, inMemory: (node: Node) => boolean): boolean {
  const own = new Set(kernel.buffers.flatMap(({ node, access }) => (access === 'read_write' ? [node] : [])))
  const seen: readonly [Set<Node>, Set<Node>] = [new Set(), new Set()]
  const keeps = (node: Node, inPlace: boolean): boolean => {
    if (node === weight) return inPlace
    const visited = seen[Number(inPlace)]
    if (visited.has(node) || (inMemory(node) && !own.has(node))) return true
    visited.add(node)
    const inner = inPlace && keepsPlaces(node)
    return sourcesOf(node).every((source) => keeps(source, inner))
  }
  return [...own].every((node) => keeps(node, true))
}
