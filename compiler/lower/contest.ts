/** How the policy of a moe trains: always in one way, or now and then in another. */
import type { RoutedLayer } from '../../plan/recipe.ts'
import type { MoeTerm } from '../model/model.ts'
import { BALANCE_BIAS } from '../model/selection.ts'
import { pathIn, staticValue, type Environment } from './environment.ts'

/** Null where its policy trains in one way alone. */
export function contestOf(environment: Environment, { policy: { training } }: MoeTerm): RoutedLayer['contest'] {
  if (training === null || (training.rate === null && training.after === null && training.atMost === null)) return null
  const number = (value: typeof training.rate, otherwise: number): number => (value === null ? otherwise : Number(staticValue(environment, value)))
  return { rate: number(training.rate, 1), after: number(training.after, 0), atMost: training.atMost === null ? null : number(training.atMost, 0) }
}

/** Whether the policy does what it does when training, in this graph. */
export const trainsNow = ({ training, contests }: Environment, contest: RoutedLayer['contest'], instance: string): boolean =>
  training && (contest === null || contests === null || contests.includes(instance))

/** The bias that `bias balanced` brings. */
export function balancedBiasOf(environment: Environment, { policy, rules }: MoeTerm): RoutedLayer['balancedBias'] {
  if (rules.biasRate === null) return null
  return { weight: pathIn(environment, [...policy.path, BALANCE_BIAS].join('.')), rate: Number(staticValue(environment, rules.biasRate)) }
}
