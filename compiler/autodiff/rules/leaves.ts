/** Leaves have no operands to give anything to. */
import { none, type GradientRules } from '../rule.ts'

const leaf = none('it has no operands')

export const leaves: GradientRules<'input' | 'weight' | 'constant' | 'held' | 'iota' | 'random'> = {
  input: leaf,
  weight: leaf,
  constant: leaf,
  held: leaf,
  iota: leaf,
  random: none('a draw depends on its key alone, which is whole numbers'),
}
