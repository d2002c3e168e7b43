/** `--routing`, `--record-routes`, `--compare-routes`: what every routed layer of a run decided. */
import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import type { Graph } from '../../compiler/graph/node.ts'
import { evaluate } from '../../plan/dim.ts'
import type { Plan, WeightPort } from '../../plan/plan.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import { openCheckpoint, writeSafetensors } from '../../runtime/checkpoint/files.ts'
import { collapse } from '../../runtime/routing/collapse.ts'
import type { RouteRecord } from '../../runtime/routing/record.ts'
import { reportRoutes, type LayerReport, type ReportFacts } from '../../runtime/routing/report.ts'
import { readRoutes, recordOf, routeTensors } from '../../runtime/routing/tensors.ts'
import { printReport } from '../../runtime/routing/text.ts'
import type { HostData } from '../../runtime/tensors.ts'
import { EXIT, Failure } from '../exit.ts'
import { writeWhole } from '../files.ts'
import { missingFile } from '../load.ts'
import { plural } from '../output.ts'
import type { Terminal } from '../terminal.ts'
import { readPorts } from './reference.ts'

export interface RoutingOptions {
  readonly routing?: string
  readonly recordRoutes?: string
  readonly compareRoutes?: string
}

export const addRoutingOptions = (command: Command): Command =>
  command
    .option('--routing <report>', 'writes the routing diagnostics as JSON; smoe routing draws them')
    .option('--record-routes <file>', 'writes the experts and weights of every token to a .safetensors file')
    .option('--compare-routes <file>', 'compares the routes with recorded ones, in the report of --routing')

/** Whether routes are to be read back at all. */
export function wantsRoutes({ routing, recordRoutes, compareRoutes }: RoutingOptions, terminal: Terminal): boolean {
  if (compareRoutes !== undefined && routing === undefined) throw new Failure(EXIT.usage, '--compare-routes needs a report', 'say where to write it with --routing FILE')
  if (compareRoutes !== undefined && !existsSync(terminal.path(compareRoutes))) throw missingFile(compareRoutes, terminal)
  return routing !== undefined || recordRoutes !== undefined
}

type Tensors = Readonly<Record<string, HostData>>

/** The outputs that the spec declares, and the record of routes where one was asked for. */
export function splitRoutes({ routes }: Graph, all: Tensors): { readonly outputs: Tensors; readonly record: RouteRecord | null } {
  if (routes === undefined) return { outputs: all, record: null }
  const added = new Set(routes.flatMap(({ selected, weights }) => [selected, weights]))
  return { outputs: Object.fromEntries(Object.entries(all).filter(([name]) => !added.has(name))), record: recordOf(routes, all) }
}

/** Weights of a layer's router with a row an expert. */
function routerWeights(plan: Plan, { name, experts }: RouteRecord['layers'][number]): readonly WeightPort[] {
  const path = `${name.replaceAll('/', '.')}.router.`
  return plan.weights.filter((port) => port.name.startsWith(path) && port.shape.length === 2 && evaluate(port.shape[0], {}) === experts)
}

/** How far the rows of each router have collapsed, by the name of the layer. */
export async function routerCollapse(plan: Plan, { layers }: RouteRecord, checkpoint: Checkpoint): Promise<Readonly<Record<string, LayerReport['collapse']>>> {
  const found: Record<string, LayerReport['collapse']> = {}
  for (const layer of layers) {
    const ports = routerWeights(plan, layer)
    const values = await readPorts(ports, plan, checkpoint)
    found[layer.name] = ports.map(({ name, shape }) => ({ weight: name, ...collapse(values[name], evaluate(shape[1], {})) }))
  }
  return found
}

async function readRecord(file: string, terminal: Terminal): Promise<RouteRecord> {
  const checkpoint = await openCheckpoint(terminal.path(file))
  try {
    return await readRoutes(checkpoint)
  } finally {
    await checkpoint.close()
  }
}

/** Writes what was asked for and says so. Throws a Failure for a path that cannot be written. */
export async function writeRoutes(record: RouteRecord, facts: ReportFacts, options: RoutingOptions, terminal: Terminal): Promise<void> {
  const { routing, recordRoutes, compareRoutes } = options
  if (record.layers.length === 0) throw new Failure(EXIT.usage, `${facts.model} has no routed layer`)
  // read first: a record may be compared with the one it replaces
  const against = compareRoutes === undefined ? undefined : { name: compareRoutes, record: await readRecord(compareRoutes, terminal) }
  if (recordRoutes !== undefined) {
    const { tensors, metadata } = routeTensors(record)
    await writeSafetensors(terminal.path(recordRoutes), tensors, metadata)
    terminal.err(`wrote the routes of ${plural(record.layers.length, 'layer')} to ${recordRoutes}\n`)
  }
  if (routing !== undefined) {
    writeWhole(routing, printReport(reportRoutes(record, { ...facts, against })), terminal)
    terminal.err(`wrote the routing report to ${routing}; smoe routing ${routing} draws it\n`)
  }
}
