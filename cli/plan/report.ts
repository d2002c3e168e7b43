/** What a plan takes, for programs and people. */
import type { Misfit } from '../../analysis/plan/fit.ts'
import { peakOf, type MemoryPlan, type StateMemory } from '../../analysis/plan/memory.ts'
import type { Operations } from '../../analysis/plan/operations.ts'
import type { Parameters } from '../../analysis/plan/parameters.ts'
import { bytes, plural, table } from '../output.ts'

export interface PlanReport {
  readonly model: string
  readonly device: string
  /** Of a run. */
  readonly tokens: number
  readonly sequences: number
  /** Tokens that are kept of each sequence at most; null where runs stand alone. */
  readonly context: number | null
  readonly parameters: Parameters
  /** Of a run, divided by its tokens. */
  readonly flopsPerToken: Operations
  /** Null where no kernels can be made for the device: `misfits` has the reason. */
  readonly memory: MemoryPlan | null
  /** Bytes that the device has; null where it cannot tell. */
  readonly available: number | null
  readonly misfits: readonly Misfit[]
}

const grouped = (count: number): string => String(Math.round(count)).replaceAll(/\B(?=(\d{3})+$)/g, ',')

const UNITS = ['', ' k', ' M', ' G', ' T', ' P']

/** `12.3 M` */
function scaled(value: number): string {
  const power = value < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(value) / 3))
  return `${(value / 1000 ** power).toPrecision(3)}${UNITS[power]}`
}

/** `layers.0/mix.1` -> `layers.N/mix.1`: layers of one kind keep the same. */
const kindOf = (part: string): string => part.replaceAll(/\.\d+(?=\/)/g, '.N')

/** A row a kind of layer. */
function stateRows(state: StateMemory | null): readonly (readonly [string, number])[] {
  const kinds = new Map<string, number>()
  for (const part of state?.parts ?? []) kinds.set(kindOf(part.name), (kinds.get(kindOf(part.name)) ?? 0) + part.bytes)
  return [...kinds].map(([kind, all]) => [`state, ${kind}`, all])
}

function memoryRows(memory: MemoryPlan): readonly (readonly string[])[] {
  const { weights, state, constants, loadTimeConstants, inputs, outputs, scratch, runtime, total, loading } = memory
  const rows: readonly (readonly [string, number])[] = [
    ...Object.entries(weights).map(([dtype, count]) => [`weights, ${dtype}`, count] as const),
    ...stateRows(state),
    ['constants', constants],
    ['packed copies, tables', loadTimeConstants],
    ['inputs', inputs],
    ['outputs', outputs],
    ['scratch', scratch],
    ['runtime', runtime],
  ]
  const sums: readonly (readonly [string, number])[] = [
    ['in a run', total],
    ['while loading', loading],
    ['peak', peakOf(memory)],
  ]
  return [...rows.filter(([, count]) => count > 0), ...sums].map(([name, count]) => [name, bytes(count), grouped(count)])
}

export function planText(report: PlanReport): string {
  const { model, device, tokens, sequences, context, parameters, flopsPerToken, memory, available, misfits } = report
  const { matmuls, others } = flopsPerToken
  const batch = sequences === 1 ? 'one sequence' : `${sequences} sequences`
  const kept = context === null ? '' : ` with a context of ${grouped(context)}`
  const state = memory?.state ?? null
  const facts = table([
    ['parameters', `${grouped(parameters.all)} in all, ${grouped(parameters.active)} active for a token`],
    ['FLOPs a token', `${scaled(matmuls + others)}, of which ${scaled(matmuls)} in matmuls`],
    ...(state === null ? [] : [['state', `${bytes(state.all)}, ${grouped(state.perToken)} bytes a token of a sequence`]]),
    ...(available === null ? [] : [['free memory', bytes(available)]]),
  ])
  const parts = memory === null ? '' : `\n${table([['memory', '', 'bytes'], ...memoryRows(memory)], '<>>')}`
  const verdict =
    misfits.length === 0
      ? '\nit fits\n'
      : `\nit does not fit\n${misfits.map(({ what, remedy }) => `  ${what}\n    ${remedy}\n`).join('')}`
  return `${model}, ${plural(tokens, 'token')} in ${batch}${kept}, on ${device}\n${facts}${parts}${verdict}`
}
