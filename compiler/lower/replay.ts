/** Routing replay: recorded decisions are inputs, of the shapes of those that the policy makes, and replace them. */
import { outputName } from '../../plan/output-role.ts'
import type { Node } from '../graph/node.ts'
import type { InputNode } from './environment.ts'
import type { Site } from './site.ts'
import type { Assignments, RoutingDecision } from './assignments.ts'

export interface RouteNames {
  readonly selected: string
  readonly weights: string
  readonly spilled: string | null
}

/** The names under which the decisions of an instance are outputs, or inputs. */
export const routeNames = (instance: string, spills: boolean): RouteNames => ({
  selected: outputName({ kind: 'routing', layer: instance, part: 'selected' }),
  weights: outputName({ kind: 'routing', layer: instance, part: 'weights' }),
  spilled: spills ? outputName({ kind: 'routing', layer: instance, part: 'spilled' }) : null,
})

function given(site: Site, inputs: InputNode[], name: string, { shape, dtype }: Node): Node {
  const input = site.make('input', [], { name, shape, dtype }) as InputNode
  inputs.push(input)
  return input
}

/** Any assignment may be dropped, whatever the policy does: the recorded decision says which. */
export function replay(
  site: Site,
  instance: string,
  { selected, weights, spilled }: Assignments,
  inputs: InputNode[],
): RoutingDecision {
  const names = routeNames(instance, spilled !== null)
  const ids = given(site, inputs, names.selected, selected)
  const reported: Assignments = {
    selected: ids,
    weights: given(site, inputs, names.weights, weights),
    mask: site.make('less', [site.make.like(ids, -1), ids], {}),
    spilled: names.spilled === null || spilled === null ? null : given(site, inputs, names.spilled, spilled),
  }
  return { reported, assigned: { ...reported, selected: site.make('maximum', [ids, site.make.like(ids, 0)], {}) } }
}
