/**
 * Experts that no token may select: their scores are the lowest before experts, or groups of them, are chosen. What a policy does
 * else stays as it is: weights are those of the selected experts by the policy's own rule.
 */
import type { Diagnostic } from '../../grammar/diagnostic.ts'
import type { Span } from '../../grammar/source.ts'
import { own } from '../../plan/table.ts'
import type { Node } from '../graph/node.ts'
import { CONSTANTS } from '../model/builtin/table.ts'
import type { EligibleTerm } from '../model/model.ts'
import { numbersNode } from './emit.ts'
import { originIn, pathIn, type Environment, type MaskedExperts, type RouteNodes } from './environment.ts'
import type { Assignments } from './assignments.ts'
import { siteOf, type Site } from './site.ts'

/** f32 [E]: 1 for an expert that may be selected, 0 for others; null where all may. */
function openExperts(site: Site, experts: number): Node | null {
  const { environment, origin } = site
  const masked = own(environment.maskedExperts, pathIn(environment, environment.moe!.path.join('/'))) ?? []
  if (masked.length === 0) return null
  const numbers = Array.from({ length: experts }, (_, expert) => (masked.includes(expert) ? 0 : 1))
  return numbersNode(environment.builder, numbers, 'f32', origin)
}

const isOpen = (site: Site, numbers: Node): Node => site.make('less', [site.make.like(numbers, 0), numbers], {})

/** The scores by which experts are selected, f32 [T, E]. */
export function eligibleScores(environment: Environment, { scores, origin }: EligibleTerm): Node {
  const node = environment.walk.term(environment, scores)
  const site = siteOf(environment, originIn(environment, origin))
  const open = openExperts(site, Number(node.shape[1].key))
  if (open === null) return node
  return site.make.where(isOpen(site, site.make.broadcast(open, node.shape, [1])), node, CONSTANTS.lowest.value)
}

/**
 * Drops assignments of masked experts: under expert choice, where a slot of a token is an expert, and where a policy has given
 * the lowest score to so many others that a masked one was among the best.
 */
export function withoutMasked(site: Site, assigned: Assignments, experts: number): Assignments {
  const open = openExperts(site, experts)
  if (open === null) return assigned
  const mask = isOpen(site, site.make('take', [open, assigned.selected], {}))
  return { ...assigned, mask: assigned.mask === null ? mask : site.make('and', [assigned.mask, mask], {}) }
}

/** The fewest experts that a token can choose from: the groups that it keeps may be those with the fewest. */
function fewestOpen({ experts, promises: { groups } }: RouteNodes, masked: ReadonlySet<number>): number {
  const { count, keep } = groups ?? { count: 1, keep: 1 }
  const size = experts / count
  const open = Array.from(
    { length: count },
    (_, group) => Array.from({ length: size }, (__, at) => group * size + at).filter((expert) => !masked.has(expert)).length,
  )
  // a group without open experts is kept only where there are not enough others
  const chosen = open.filter((number) => number > 0).sort((a, b) => a - b)
  return chosen.slice(0, keep).reduce((sum, number) => sum + number, 0)
}

function problemOf(route: RouteNodes, experts: readonly number[]): string | null {
  const { instance, topK, isByExperts, promises } = route
  const stray = experts.find((expert) => expert >= route.experts)
  if (stray !== undefined) return `${instance} has no expert ${stray}: it has ${route.experts}, counted from 0`
  const masked = new Set(experts)
  const open = fewestOpen(route, masked)
  const wanted = isByExperts ? 1 : topK
  if (open >= wanted) return null
  const among = promises.groups === null ? '' : ` in the groups that a token may keep`
  return `without ${masked.size} of ${route.experts} experts ${instance} has ${open}${among}, but the policy selects ${wanted}`
}

/** What is wrong with masked experts of a model whose layers are these. */
export function maskedDiagnostics(routes: readonly RouteNodes[], masked: MaskedExperts, place: Span): readonly Diagnostic[] {
  const known = new Map(routes.map((route) => [route.instance, route]))
  return Object.entries(masked).flatMap(([instance, experts]): readonly Diagnostic[] => {
    const route = known.get(instance)
    const message =
      route === undefined
        ? `there is no routed layer ${instance}; there are ${[...known.keys()].join(', ') || 'none'}`
        : problemOf(route, experts)
    if (message === null) return []
    const span = route?.selected.origin.span ?? place
    return [{ code: 'SMOE4004', severity: 'error', message, span, related: [], help: null, fix: null }]
  })
}
