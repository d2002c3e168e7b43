/** The runtime of generated bindings: tensors with dtype, rank and axis names in their type. */
import { dim, evaluate, symbolsOf, type DimValues } from '../plan/dim.ts'
import type { HostType, Port } from '../plan/plan.ts'
import { dtypeOf, elementCount, type HostData } from './tensors.ts'

interface Elements {
  readonly f32: Float32Array
  readonly i32: Int32Array
  readonly u32: Uint32Array
}

declare const axes: unique symbol

/** A row-major tensor. `Axes` has the name of each axis, or its size if that is fixed; only the type checker sees it. */
export interface Tensor<D extends HostType, Axes extends readonly (string | number)[]> extends HostData {
  readonly shape: { readonly [K in keyof Axes]: number }
  readonly data: Elements[D]
  readonly [axes]?: Axes
}

export type TypedPort = Pick<Port, 'name' | 'dtype' | 'shape'>

interface Bound {
  readonly value: number
  readonly from: string
}

/** Names the dimension that a wrong number of values points to: the last symbolic one that a whole size would correct. */
function describeMismatch({ shape: sizes }: TypedPort, { shape, data }: HostData): string {
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (symbolsOf(dim(sizes[axis])).length === 0) continue
    const others = elementCount(shape.filter((_, other) => other !== axis))
    const size = data.length / others
    if (Number.isInteger(size))
      return `dimension ${sizes[axis]} is ${shape[axis]} in the shape, but the ${data.length} values make it ${size}`
  }
  return `${data.length} values do not fill ${sizes.map((size, axis) => `${size} = ${shape[axis]}`).join(', ')}`
}

function checkAxis(port: TypedPort, axis: number, value: number, bound: Map<string, Bound>): void {
  const size = port.shape[axis]
  const symbols = symbolsOf(dim(size))
  if (symbols.length === 1 && symbols[0] === size && !bound.has(size)) bound.set(size, { value, from: port.name })
  if (!symbols.every((name) => bound.has(name))) return
  const wanted = evaluate(size, Object.fromEntries([...bound].map(([name, known]) => [name, known.value])))
  if (wanted === value) return
  const from =
    symbols.length === 0
      ? 'in the model'
      : `by ${symbols.map((name) => `${name} = ${bound.get(name)?.value} of ${bound.get(name)?.from}`).join(', ')}`
  throw new RangeError(`${port.name}: dimension ${size} (axis ${axis}) is ${wanted} ${from}, got ${value}`)
}

/** The dims of these inputs. Throws a TypeError for a wrong dtype, and a RangeError with the dimension for a wrong size. */
export function checkInputs(ports: readonly TypedPort[], inputs: Readonly<Record<string, HostData>>): DimValues {
  const bound = new Map<string, Bound>()
  for (const port of ports) {
    const given: HostData | undefined = inputs[port.name]
    if (given === undefined || dtypeOf(given.data) !== port.dtype)
      throw new TypeError(`${port.name}: expected ${port.dtype} values`)
    if (given.shape.length !== port.shape.length) {
      throw new RangeError(
        `${port.name}: expected [${port.shape.join(', ')}] of rank ${port.shape.length}, got rank ${given.shape.length}`,
      )
    }
    given.shape.forEach((value, axis) => checkAxis(port, axis, value, bound))
    if (given.data.length !== elementCount(given.shape)) throw new RangeError(`${port.name}: ${describeMismatch(port, given)}`)
  }
  return Object.fromEntries([...bound].map(([name, { value }]) => [name, value]))
}
