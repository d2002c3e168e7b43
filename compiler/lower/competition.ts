/** How the policy of a moe trains: which `when training` blocks run, and in which steps. */
import { isFormulaOperation, type Formula } from '../../plan/formula.ts'
import { competitionName, type CompetitionStep, type RoutedLayer } from '../../plan/recipe.ts'
import type { MoeTerm, TrainingBlock } from '../model/model.ts'
import { BALANCE_BIAS } from '../model/routing/selection.ts'
import type { Static } from '../model/static/static.ts'
import { isDrawn } from '../model/routing/forms.ts'
import { pathIn, staticValue, tryStatic, type Environment } from './environment.ts'

/** A value that may change from step to step, with numbers in the place of parameters. */
function formulaOf(environment: Environment, value: Static): Formula {
  const known = tryStatic(environment, value)
  if (typeof known === 'number' || typeof known === 'boolean') return known
  if (value.kind === 'moment') return value.name
  if (value.kind !== 'operation' || !isFormulaOperation(value.word)) throw new Error('a rate cannot be worked out before a run')
  return [value.word, ...value.operands.map((operand) => formulaOf(environment, operand))]
}

function competitionStepOf(environment: Environment, { rate, after, atMost, isTogether }: TrainingBlock): CompetitionStep {
  const number = (value: typeof rate, otherwise: number): number =>
    value === null ? otherwise : Number(staticValue(environment, value))
  const probability = rate === null ? 1 : formulaOf(environment, rate)
  const together = isTogether ? ({ together: true } as const) : {}
  return { rate: probability, after: number(after, 0), atMost: atMost === null ? null : number(atMost, 0), ...together }
}

/** Of the blocks that happen in some steps only, in the order of the text. */
export const competitionStepsOf = (environment: Environment, { policy: { blocks } }: MoeTerm): readonly CompetitionStep[] =>
  blocks.filter(isDrawn).map((block) => competitionStepOf(environment, block))

/** The blocks that happen in this graph. */
export function activeBlocks(
  { training, competitions }: Environment,
  { policy: { blocks } }: MoeTerm,
  instance: string,
): ReadonlySet<number> {
  const drawn = blocks.filter(isDrawn)
  const happens = (block: TrainingBlock): boolean =>
    training &&
    (competitions === null || !isDrawn(block) || competitions.includes(competitionName(instance, drawn.indexOf(block))))
  return new Set(blocks.flatMap((block, at) => (happens(block) ? [at] : [])))
}

/** The bias that `bias balanced` brings. */
export function balancedBiasOf(environment: Environment, { policy, rules }: MoeTerm): RoutedLayer['balancedBias'] {
  if (rules.biasRate === null) return null
  return {
    weight: pathIn(environment, [...policy.path, BALANCE_BIAS].join('.')),
    rate: Number(staticValue(environment, rules.biasRate)),
  }
}
