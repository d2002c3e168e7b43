/** Decisions that are given and not made: inputs in the place of what a policy has chosen, of the same sizes. */
import type { Node } from '../graph/node.ts'
import type { InputNode } from './environment.ts'
import { filled, make, type Maker } from './maker.ts'
import type { Assignments, RoutingDecision } from './assignments.ts'

export interface RouteNames {
  readonly selected: string
  readonly weights: string
  readonly spilled: string | null
}

/** The names under which the decisions of an instance are outputs, or inputs. */
export const routeNames = (instance: string, spills: boolean): RouteNames => ({
  selected: `${instance}.selected`,
  weights: `${instance}.weights`,
  spilled: spills ? `${instance}.spilled` : null,
})

function given(maker: Maker, inputs: InputNode[], name: string, { shape, dtype }: Node): Node {
  const input = make(maker, 'input', [], { name, shape, dtype }) as InputNode
  inputs.push(input)
  return input
}

/** Any slot may be dropped, whatever the policy does: who gives decisions gives that too. */
export function replay(
  maker: Maker,
  instance: string,
  { selected, weights, spilled }: Assignments,
  inputs: InputNode[],
): RoutingDecision {
  const names = routeNames(instance, spilled !== null)
  const ids = given(maker, inputs, names.selected, selected)
  const told: Assignments = {
    selected: ids,
    weights: given(maker, inputs, names.weights, weights),
    kept: make(maker, 'less', [filled(maker, -1, ids), ids], {}),
    spilled: names.spilled === null || spilled === null ? null : given(maker, inputs, names.spilled, spilled),
  }
  return { told, choice: { ...told, selected: make(maker, 'maximum', [ids, filled(maker, 0, ids)], {}) } }
}
