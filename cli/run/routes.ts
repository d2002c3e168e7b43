/**
 * `--routing`, `--record-routes`, `--compare-routes`, `--replay-routes`: what every routed layer of a run decided, or is to
 * decide.
 */
import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import type { Graph, RoutePorts } from '../../compiler/graph/node.ts'
import type { LowerOptions } from '../../compiler/lower/lower.ts'
import type { HostTensor } from '../../compiler/reference/tensor.ts'
import { evaluate } from '../../plan/dim.ts'
import type { Plan, WeightPort } from '../../plan/plan.ts'
import { emptyTable } from '../../plan/table.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import type { FileData } from '../../runtime/checkpoint/encode.ts'
import { openCheckpoint, safetensorsPieces } from '../../runtime/checkpoint/files.ts'
import { textPieces, type Pieces } from '../../runtime/files/index.ts'
import { collapse, randomRows, routerVerdict } from '../../runtime/routing/collapse.ts'
import { describeRows, findNonFinite } from '../../runtime/finite.ts'
import { realsOfLayer, type Reals, type RouteRecord } from '../../runtime/routing/record.ts'
import { reportRoutes, type LayerReport, type ReportFacts, type RouterCollapse } from '../../runtime/routing/report.ts'
import { expertIdsOf } from '../../runtime/routing/expert-ids.ts'
import { encodeNpy } from '../../training/data/npy.ts'
import { choicesOf, readRoutes, routeTensors } from '../../runtime/routing/tensors.ts'
import { printReport } from '../../runtime/routing/text.ts'
import type { HostData } from '../../runtime/tensors.ts'
import { EXIT, Failure } from '../exit.ts'
import { fileOf, type NamedOutput } from '../files.ts'
import { missingFile } from '../load.ts'
import { plural } from '../output.ts'
import type { Terminal } from '../terminal.ts'
import { readPorts, roundAll } from './reference.ts'

export interface RoutingOptions {
  readonly routing?: string
  readonly recordRoutes?: string
  readonly compareRoutes?: string
  readonly replayRoutes?: string
  readonly strictRouting?: boolean
}

export const addRoutingOptions = (command: Command): Command =>
  command
    .option('--routing <report>', 'writes the routing diagnostics as JSON; smoe routing draws them')
    .option(
      '--record-routes <file>',
      'writes the experts and weights of every token to a .safetensors file; the experts alone, as vLLM does, to an .npy file',
    )
    .option('--compare-routes <file>', 'compares the routes with recorded ones, in the report of --routing')
    .option(
      '--replay-routes <file>',
      'uses the experts and weights that --record-routes wrote, in place of what the policies choose',
    )
    .option('--strict-routing', 'exits with 6 where a load is not `balanced within P%` as the model requires')

/** What is to be read back of routes, or given. */
export function routesWanted(
  { routing, recordRoutes, compareRoutes, replayRoutes }: RoutingOptions,
  terminal: Terminal,
): LowerOptions['routes'] {
  if (compareRoutes !== undefined && routing === undefined)
    throw new Failure(EXIT.usage, '--compare-routes needs a report', 'say where to write it with --routing FILE')
  for (const file of [compareRoutes, replayRoutes])
    if (file !== undefined && !existsSync(terminal.path(file))) throw missingFile(file, terminal)
  if (replayRoutes !== undefined) return 'replayed'
  return routing !== undefined || recordRoutes !== undefined ? true : 'required'
}

const realsOf = ({ weights, spilled }: RoutePorts): readonly string[] => (spilled === null ? [weights] : [weights, spilled])

/** The tensors of a layer. */
export const namesOf = (ports: RoutePorts): readonly string[] => [ports.selected, ...realsOf(ports)]

/** What the reference evaluates: decisions as exact as they were made, everything else rounded. */
export function exactRoutes(
  { routes = [] }: Graph,
  exact: Readonly<Record<string, HostTensor>>,
): Readonly<Record<string, FileData>> {
  const reals = routes.flatMap(realsOf).map((name) => [name, { shape: exact[name].shape, data: exact[name].values }] as const)
  return { ...roundAll(exact), ...Object.fromEntries(reals) }
}

/** The outputs that the spec declares, and the record of routes where one was asked for. */
export function splitRoutes(
  { routes }: Graph,
  all: Readonly<Record<string, FileData>>,
): { readonly outputs: Readonly<Record<string, HostData>>; readonly record: RouteRecord | null } {
  const names = new Set((routes ?? []).flatMap(namesOf))
  const isDeclared = (entry: [string, FileData]): entry is [string, HostData] => !names.has(entry[0])
  return {
    outputs: Object.fromEntries(Object.entries(all).filter(isDeclared)),
    record: routes === undefined ? null : choicesOf(routes, all),
  }
}

/** The percentages of `balanced within`, by the names of the layers that require it. */
export const withinOf = ({ routes, replayed }: Graph): Readonly<Record<string, number>> =>
  Object.fromEntries(
    (replayed ?? routes ?? []).flatMap(({ layer, promises: { within } }) => (within === null ? [] : [[layer, within]])),
  )

/** Weights of a layer's router with a row an expert. */
function routerWeights(plan: Plan, { name, experts }: RouteRecord['layers'][number]): readonly WeightPort[] {
  const path = `${name.replaceAll('/', '.')}.router.`
  return plan.weights.filter(
    (port) => port.name.startsWith(path) && port.shape.length === 2 && evaluate(port.shape[0], {}) === experts,
  )
}

function collapseOf(weight: string, values: Reals, rows: number, width: number): RouterCollapse {
  const [found, random] = [collapse(values, width), randomRows(rows, width)]
  return { weight, ...found, random, verdict: routerVerdict(found, random) }
}

/** How far the rows of each router have collapsed, by the name of the layer. */
export async function routerCollapse(
  plan: Plan,
  { layers }: RouteRecord,
  checkpoint: Checkpoint,
): Promise<Readonly<Record<string, LayerReport['collapse']>>> {
  const found = emptyTable<LayerReport['collapse']>()
  for (const layer of layers) {
    const ports = routerWeights(plan, layer)
    const values = await readPorts(ports, checkpoint)
    found[layer.name] = ports.map(({ name, shape }) => collapseOf(name, values[name], layer.experts, evaluate(shape[1], {})))
  }
  return found
}

/** The file of experts alone, as vLLM has them. */
const isIdsAlone = (file: string): boolean => file.endsWith('.npy')

/** Throws a RouteError, a NotFiniteError or a CheckpointError, and a Failure for a file that has the experts alone. */
export async function readRecord(file: string, terminal: Terminal): Promise<RouteRecord> {
  if (isIdsAlone(file))
    throw new Failure(
      EXIT.usage,
      `'${file}' has the experts alone: without their weights a run is not replayed exactly`,
      'record to a .safetensors file; smoe routing A B compares the experts of two records',
    )
  const checkpoint = await openCheckpoint(terminal.path(file))
  try {
    return await readRoutes(checkpoint)
  } finally {
    await checkpoint.close()
  }
}

/** The routing weights of a record, by layer. */
export const realsOfRecord = ({ layers }: RouteRecord): Readonly<Record<string, FileData>> =>
  Object.fromEntries(layers.flatMap((layer) => Object.entries(realsOfLayer(layer))))

/** The bytes of a record: i16 [T, layers, k] in an .npy file, tensors by layer in any other. Throws a RouteError. */
function recordPieces(record: RouteRecord, file: string): Pieces {
  if (isIdsAlone(file)) {
    const { tokens, layers, k, ids } = expertIdsOf(record)
    return [encodeNpy([tokens, layers.length, k], ids)]
  }
  const { tensors, metadata } = routeTensors(record)
  return safetensorsPieces(tensors, metadata)
}

/**
 * The requested route outputs: a record with weights that are not finite is written as it is, but without a report. Throws a
 * Failure for a model without routes, and the errors of reading a record.
 */
export async function routeOutputs(
  record: RouteRecord,
  facts: ReportFacts,
  options: RoutingOptions,
  terminal: Terminal,
): Promise<readonly NamedOutput[]> {
  const { routing, recordRoutes, compareRoutes } = options
  if (routing === undefined && recordRoutes === undefined) return []
  if (record.layers.length === 0) throw new Failure(EXIT.usage, `${facts.model} has no routed layer`)
  // read first: a record may be compared with the one it replaces
  const against =
    compareRoutes === undefined ? undefined : { name: compareRoutes, record: await readRecord(compareRoutes, terminal) }
  const outputs: NamedOutput[] = []
  if (recordRoutes !== undefined) {
    const message = `wrote the routes of ${plural(record.layers.length, 'layer')} to ${recordRoutes}`
    outputs.push({ output: fileOf(recordRoutes, recordPieces(record, recordRoutes), terminal), message })
  }
  if (routing === undefined) return outputs
  const [bad] = findNonFinite(realsOfRecord(record))
  if (bad === undefined) {
    const report = textPieces(printReport(reportRoutes(record, { ...facts, against })))
    outputs.push({
      output: fileOf(routing, report, terminal),
      message: `wrote the routing report to ${routing}; smoe routing ${routing} draws it`,
    })
  } else terminal.err(`no routing report is written to ${routing}: ${bad.name} is not finite in ${describeRows(bad)}\n`)
  return outputs
}
