/** Random numbers of a graph: each use has a stream of its own, told by its place, so that no other use changes what it draws. */
import { dim, type Dim } from '../../plan/dim.ts'
import type { Node, Origin } from '../graph/node.ts'
import type { Builder } from '../ops/build.ts'

/** The input of seed and step, i32 [2], once something is drawn. */
export const RANDOM_INPUT = 'random'

export interface RandomStreams {
  input: (Node<'input'> & { readonly op: 'input' }) | null
  readonly streams: Set<number>
  /** How often each instance has drawn. */
  readonly draws: Map<string, number>
}

export const newRandomStreams = (): RandomStreams => ({ input: null, streams: new Set(), draws: new Map() })

/** FNV-1a over the UTF-16 code units, 31 bits. Fowler, Noll and Vo, 1991. */
function hash(text: string): number {
  let bits = 0x811c9dc5
  for (let at = 0; at < text.length; at++) bits = Math.imul(bits ^ text.charCodeAt(at), 0x01000193)
  return (bits >>> 1) & 0x7fffffff
}

/** The stream of the next draw of an instance: the same whatever other instances draw. */
function nextStream({ streams, draws }: RandomStreams, instance: string): number {
  const count = draws.get(instance) ?? 0
  draws.set(instance, count + 1)
  let stream = hash(`${instance}#${count}`)
  while (streams.has(stream)) stream = (stream + 1) & 0x7fffffff
  streams.add(stream)
  return stream
}

/** f32 numbers above 0 and below 1. */
export function drawUniform(builder: Builder, streams: RandomStreams, shape: readonly Dim[], origin: Origin): Node {
  const key =
    streams.input ??
    (builder.make('input', [], { name: RANDOM_INPUT, dtype: 'i32', shape: [dim(2)] }, origin) as NonNullable<
      RandomStreams['input']
    >)
  streams.input = key
  return builder.make('random', [key], { shape, stream: nextStream(streams, origin.instance) }, origin)
}
