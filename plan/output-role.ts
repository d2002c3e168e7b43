/** The role of an output of a graph or of a plan. Readers go by the role, never by the name. */

export const ROUTING_PARTS = ['selected', 'weights', 'spilled', 'rows', 'norms', 'change', 'similarity'] as const
export type RoutingPart = (typeof ROUTING_PARTS)[number]

/** The value of a variable: persistent state beside the weights. */
export type VariableRole =
  /** d(sum of the losses) / d(weight or input), or its sum over micro-batches. */
  | { readonly kind: 'gradient'; readonly of: string }
  /** `state` is one of `optimizerStates`. */
  | { readonly kind: 'optimizer_state'; readonly state: string; readonly of: string }
  | { readonly kind: 'f16_copy'; readonly of: string }
  /** What a block keeps of the earlier tokens of each sequence: `of` is the instance and the number of the call there. */
  | { readonly kind: 'cache'; readonly of: string }

/** What an update leaves in persistent state. */
export type StateRole = { readonly kind: 'weight'; readonly of: string } | VariableRole

/** A number of a training step. `path` is that of the policy, `layers.0.moe.router`; empty for the model itself. */
export type ReportRole =
  /** A term of the objective, f32 []. */
  | { readonly kind: 'loss'; readonly path: string; readonly term: string }
  /** Reported only, f32 []. */
  | { readonly kind: 'metric'; readonly path: string; readonly term: string }

/** An output that the model declares has no role. */
export type OutputRole =
  | ReportRole
  /** A part of the routing decision of a layer, `layers.0/moe`, the rows that it routes, or a figure of expert outputs. */
  | { readonly kind: 'routing'; readonly layer: string; readonly part: RoutingPart }
  /** The global norm of the gradients before clipping, f32 []. */
  | { readonly kind: 'norm' }
  | StateRole

export type RoleKind = OutputRole['kind']

/** Role -> its fields, all of them text, in the order in which they are written; a list has the words of a field. */
export const ROLE_FIELDS: {
  readonly [K in RoleKind]: {
    readonly [F in Exclude<keyof Extract<OutputRole, { readonly kind: K }>, 'kind'>]: readonly string[] | null
  }
} = {
  loss: { path: null, term: null },
  metric: { path: null, term: null },
  routing: { layer: null, part: ROUTING_PARTS },
  norm: {},
  weight: { of: null },
  gradient: { of: null },
  optimizer_state: { state: null, of: null },
  f16_copy: { of: null },
  cache: { of: null },
}

export const VARIABLE_KINDS: readonly VariableRole['kind'][] = ['gradient', 'optimizer_state', 'f16_copy', 'cache']

/** Whether a variable holds values of this role. */
export const isVariableRole = (role: OutputRole): role is VariableRole =>
  (VARIABLE_KINDS as readonly RoleKind[]).includes(role.kind)

/** `loss path "layers.0.moe.router" term "balance"` */
export function roleText({ kind, ...fields }: OutputRole): string {
  const values = fields as Readonly<Record<string, string>>
  return [kind, ...Object.keys(ROLE_FIELDS[kind]).map((field) => `${field} ${JSON.stringify(values[field])}`)].join(' ')
}

/** The name of a variable, under which runs save it. */
export function variableName(role: VariableRole): string {
  switch (role.kind) {
    case 'gradient':
      return `gradient.${role.of}`
    case 'optimizer_state':
      return `${role.state}.${role.of}`
    case 'f16_copy':
      return `f16.${role.of}`
    case 'cache':
      return `cache.${role.of}`
    default:
      return role satisfies never
  }
}

/** The name of the weight or variable that holds the value. */
export const stateName = (role: StateRole): string => (role.kind === 'weight' ? role.of : variableName(role))

/** The name of an output of this role. */
export function outputName(role: OutputRole): string {
  switch (role.kind) {
    case 'loss':
    case 'metric':
      return [role.kind, ...(role.path === '' ? [] : [role.path]), role.term].join('.')
    case 'routing':
      return `${role.layer}.${role.part}`
    case 'norm':
      return role.kind
    case 'gradient':
      return variableName(role)
    case 'weight':
    case 'optimizer_state':
    case 'f16_copy':
    case 'cache':
      return `next.${stateName(role)}`
    default:
      return role satisfies never
  }
}

/**
 * The path and the term behind the name of a loss or a metric, for readers of recipes and records, which hold the names alone.
 * The path is empty for the model itself, and for a name that is none of these.
 */
export function reportOf(name: string): Pick<ReportRole, 'path' | 'term'> {
  const [, path = '', term = name] = /^(?:loss|metric)\.(?:(.+)\.)?([^.]+)$/.exec(name) ?? []
  return { path, term }
}

/** `layers.0.moe.router.balance`: the name of a loss or a metric among its kind. */
export function shortReportName(name: string): string {
  const { path, term } = reportOf(name)
  return path === '' ? term : `${path}.${term}`
}

/**
 * What is wrong between a role and the state that the output replaces, null where nothing is. The next value of persistent state
 * replaces it, an accumulated gradient the sum before it, and a report or routing replaces nothing.
 */
export function replacementProblem(role: OutputRole, replaces: string | undefined): string | null {
  switch (role.kind) {
    case 'loss':
    case 'metric':
    case 'routing':
    case 'norm':
      return replaces === undefined ? null : `an output of the role ${role.kind} replaces ${replaces}`
    case 'gradient':
      if (replaces === undefined) return null
      break
    case 'weight':
    case 'optimizer_state':
    case 'f16_copy':
    case 'cache':
      break
    default:
      return role satisfies never
  }
  const state = stateName(role)
  return replaces === state ? null : `an output of the role ${role.kind} replaces ${replaces ?? 'nothing'}, not ${state}`
}

/** Layer, `layers.0/moe` -> the name of the output that has this part of it. */
export const routingOutputs = (
  outputs: readonly { readonly name: string; readonly role?: OutputRole }[],
  part: RoutingPart,
): ReadonlyMap<string, string> =>
  new Map(
    outputs.flatMap(({ name, role }) => (role?.kind === 'routing' && role.part === part ? [[role.layer, name] as const] : [])),
  )
