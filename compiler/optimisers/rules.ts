/** Every optimiser that a recipe may name. */
import type { Optimiser } from '../../plan/recipe.ts'
import { adam, adamw } from './adam.ts'
import { lion } from './lion.ts'
import type { OptimiserRule, OptimiserRules } from './rule.ts'
import { sgd } from './sgd.ts'

export const optimiserRules: OptimiserRules = { sgd, adam, adamw, lion }

export const ruleOf = <O extends Optimiser>({ kind }: O): OptimiserRule<O> => optimiserRules[kind] as unknown as OptimiserRule<O>
