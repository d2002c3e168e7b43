/** Copies between two strided views of the same numbers: a weight in one checkpoint, and in another. */
import type { View } from '../../runtime/weights/view.ts'

/** Axes of the same numbers in both tensors, in elements. */
export interface PairedAxis {
  readonly size: number
  readonly from: number
  readonly to: number
}

export interface Pair {
  /** Outermost first. */
  readonly axes: readonly PairedAxis[]
  /** First element in the tensor that is read, and in the one that is written. */
  readonly from: number
  readonly to: number
}

type Axes = View['axes']

/** The axes of a view in the order of the weight. */
export const seenAxes = ({ axes, transpose }: View): Axes =>
  transpose ? [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!] : axes

/** One entry of the leading axis of a weight, as a view without that axis. */
export function entryOf(view: View, at: number): View {
  const [first, ...rest] = seenAxes(view)
  return { shape: view.shape.slice(1), axes: rest, start: view.start + at * first.stride, transpose: false }
}

/** Some entries of the leading axis of a weight. */
export function entriesOf(view: View, from: number, count: number): View {
  const [first, ...rest] = seenAxes(view)
  const axes = [{ ...first, size: count }, ...rest]
  return { shape: [count, ...view.shape.slice(1)], axes, start: view.start + from * first.stride, transpose: false }
}

/** Axes next to each other that both tensors walk without a gap are one. */
function merged(axes: readonly PairedAxis[]): readonly PairedAxis[] {
  const made: PairedAxis[] = []
  for (const axis of axes) {
    const outer = made.at(-1)
    if (outer?.from === axis.size * axis.from && outer.to === axis.size * axis.to)
      made[made.length - 1] = { size: outer.size * axis.size, from: axis.from, to: axis.to }
    else made.push(axis)
  }
  return made
}

const withoutUnits = (axes: Axes): Axes => axes.filter(({ size }) => size !== 1)

/** Two views of the same weight. Axes of one entry may be in one of them alone. Throws an Error for views of other shapes. */
export function paired(from: View, to: View): Pair {
  const [source, target] = [withoutUnits(seenAxes(from)), withoutUnits(seenAxes(to))]
  if (source.length !== target.length || source.some(({ size }, axis) => size !== target[axis].size))
    throw new Error(`[${from.shape.join(', ')}] is not [${to.shape.join(', ')}]`)
  const axes = source.map(({ size, stride }, axis) => ({ size, from: stride, to: target[axis].stride }))
  return { axes: merged(axes), from: from.start, to: to.start }
}

/** Elements from the first that is read to behind the last. */
export const spanOf = ({ axes }: Pair): number => axes.reduce((sum, { size, from }) => sum + (size - 1) * from, 1)

/** The same copies in parts that read a stretch of at most `limit` elements each, where an axis can be cut for that. */
export function* stretches(pair: Pair, limit: number): Generator<Pair> {
  const { axes, from, to } = pair
  if (axes.some(({ size }) => size === 0)) return
  if (spanOf(pair) <= limit || axes.length === 0) {
    yield pair
    return
  }
  const widest = axes.reduce((best, axis, at) => (axis.from > axes[best].from ? at : best), 0)
  const { size, from: step, to: toStep } = axes[widest]
  const inner = spanOf({ ...pair, axes: axes.toSpliced(widest, 1) })
  const atOnce = Math.max(1, Math.floor((limit - inner) / step) + 1)
  for (let at = 0; at < size; at += atOnce) {
    const some = axes.with(widest, { size: Math.min(atOnce, size - at), from: step, to: toStep })
    const part = { axes: atOnce === 1 ? some.toSpliced(widest, 1) : some, from: from + at * step, to: to + at * toStep }
    if (atOnce === 1) yield* stretches(part, limit)
    else yield part
  }
}

/** An array of bits: elements of one size, whatever they mean. */
export type Words = Uint8Array | Uint16Array | Uint32Array | BigUint64Array

/** Copies a stretch, of which `words` has the elements from `first` of the tensor on. */
export function copyStretch(words: Words, first: number, { axes, from, to }: Pair, target: Words): void {
  const walk = (depth: number, source: number, place: number): void => {
    if (depth === axes.length) {
      target[place] = words[source]
      return
    }
    const axis = axes[depth]
    const isLast = depth === axes.length - 1
    if (isLast && axis.from === 1 && axis.to === 1) target.set(words.subarray(source, source + axis.size) as never, place)
    else if (isLast) for (let at = 0; at < axis.size; at++) target[place + at * axis.to] = words[source + at * axis.from]
    else for (let at = 0; at < axis.size; at++) walk(depth + 1, source + at * axis.from, place + at * axis.to)
  }
  walk(0, from - first, to)
}
