/** The builder of nodes: typed, frozen and interned. */
import type { Node, Origin } from '../graph/node.ts'
import { paramsText } from '../graph/params.ts'
import type { OpName, OpParams } from '../graph/vocabulary.ts'
import { infer } from './infer.ts'
import type { TensorType } from './record.ts'
import { typeText } from './shapes.ts'

export interface Builder {
  /**
   * The node of this op, operands and parameters; the same one for the same three, with the origin of its first maker. Ids ascend
   * from 0. Throws where the types do not fit or an operand is another builder's: a mistake of the caller, never of the user.
   * `type` is that of the result where it is known: it is not inferred again.
   */
  readonly make: <N extends OpName>(
    op: N,
    inputs: readonly Node[],
    params: OpParams[N],
    origin: Origin,
    type?: TensorType,
  ) => Node<N>
  /** All nodes made so far, by id. */
  readonly nodes: readonly Node[]
}

export const NO_ORIGIN: Origin = Object.freeze({ span: null, instance: '' })

/** The parameters of an op that has none. */
export const NONE: Readonly<Record<string, never>> = Object.freeze({})

export function createBuilder(): Builder {
  const interned = new Map<string, Node>()
  const nodes: Node[] = []

  function make<N extends OpName>(
    op: N,
    inputs: readonly Node[],
    params: OpParams[N],
    origin: Origin,
    known?: TensorType,
  ): Node<N> {
    Object.freeze(params)
    const stranger = inputs.find((input) => nodes[input.id] !== input)
    if (stranger) throw new Error(`${op}: operand %${stranger.id} belongs to another builder`)
    const type = known ?? infer(op, inputs, params)
    if ('error' in type) throw new Error(`${type.error} (in '${origin.instance}')`)
    const key = `${op}(${inputs.map((input) => input.id).join(',')})${paramsText(op, params)}:${typeText(type)}`
    const same = interned.get(key)
    if (same !== undefined) return same as Node<N>
    const { shape, dtype } = type
    const node: unknown = Object.freeze({
      id: nodes.length,
      op,
      inputs: Object.freeze([...inputs]),
      params,
      shape: Object.freeze(shape),
      dtype,
      origin,
    })
    nodes.push(node as Node)
    interned.set(key, node as Node)
    return node as Node<N>
  }

  return { make, nodes }
}
