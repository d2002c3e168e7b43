/** Leaves have no operands, so their rules return no gradients. */
import { none, type GradientRules } from '../rule.ts'

const leaf = none('it has no operands')

export const leaves: GradientRules<'input' | 'weight' | 'variable' | 'constant' | 'load_time_constant' | 'iota' | 'random'> = {
  input: leaf,
  weight: leaf,
  variable: leaf,
  constant: leaf,
  load_time_constant: leaf,
  iota: leaf,
  random: none('a random number depends on its key alone, which is an integer'),
}
