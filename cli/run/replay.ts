/** `--replay-routes`: recorded decisions as inputs of a run, beside those that the model declares. */
import { evaluate, type DimValues } from '../../plan/dim.ts'
import type { Signature } from '../../plan/plan.ts'
import { signatureOf } from '../../compiler/emit/signature.ts'
import type { Graph, RoutePorts } from '../../compiler/graph/node.ts'
import type { FileData } from '../../runtime/checkpoint/encode.ts'
import { bindDims, type Inputs } from '../../runtime/dims.ts'
import type { RouteRecord } from '../../runtime/routing/record.ts'
import { replayRoutes, type ReplayedLayer } from '../../runtime/routing/replay.ts'
import type { HostData } from '../../runtime/tensors.ts'
import { EXIT, Failure } from '../exit.ts'
import type { Terminal } from '../terminal.ts'
import { readInputs } from './inputs.ts'
import { namesOf, readRecord } from './routes.ts'
import type { TextReading } from './text.ts'

/** All that enters a run but weights. */
export interface Feeds {
  /** What the model declares. */
  readonly inputs: Inputs
  readonly dims: DimValues
  readonly replay: { readonly record: RouteRecord; readonly inputs: Readonly<Record<string, FileData>> } | null
}

function wantedLayer(
  { promises: { answersAll, most, groups }, ...ports }: RoutePorts,
  signature: Signature,
  dims: DimValues,
): ReplayedLayer {
  const port = signature.inputs.find(({ name }) => name === ports.selected)
  if (port === undefined) throw new Error(`${ports.selected} is not an input`)
  const [tokens, k] = port.shape.map((size) => evaluate(size, dims))
  return {
    ...ports,
    tokens,
    k,
    constraints: {
      dropless: answersAll,
      groupLimit: groups,
      capacity: most === null ? null : { ...most, tokens: evaluate(most.tokens, dims) },
    },
  }
}

/**
 * Reads the inputs that a model declares and, where decisions are to be replayed, those from their file. Throws a Failure or a
 * RouteError.
 */
export async function readFeeds(
  graph: Graph,
  sources: readonly string[],
  replayed: string | undefined,
  read: TextReading,
  terminal: Terminal,
): Promise<Feeds> {
  const ports = graph.replayed ?? []
  const given = new Set(ports.flatMap(namesOf))
  const signature = signatureOf(graph)
  const declared = { ...signature, inputs: signature.inputs.filter(({ name }) => !given.has(name)) }
  const inputs = await readInputs({ signature: declared, graph, read }, sources, terminal)
  const dims = bindDims(declared, inputs)
  if (replayed === undefined) return { inputs, dims, replay: null }
  if (ports.length === 0) throw new Failure(EXIT.usage, `${signature.model} has no routed layer`)
  const wanted = ports.map((layer) => wantedLayer(layer, signature, dims))
  return { inputs, dims, replay: replayRoutes(await readRecord(replayed, terminal), wanted, replayed) }
}

const stored = ({ shape, data }: FileData): HostData => ({
  shape,
  data: data instanceof Float64Array ? Float32Array.from(data) : data,
})

/** As the reference takes them. */
export const exactInputs = ({ inputs, replay }: Feeds): Readonly<Record<string, FileData>> => ({ ...inputs, ...replay?.inputs })

/** As a device takes them. */
export const storedInputs = ({ inputs, replay }: Feeds): Inputs => ({
  ...inputs,
  ...Object.fromEntries(Object.entries(replay?.inputs ?? {}).map(([name, data]) => [name, stored(data)])),
})
