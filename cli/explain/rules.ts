/** What constraints promise and change, in words and formulas. */
import { folds } from '../../compiler/model/context/context.ts'
import type { ConstraintFact, Model, MoeTerm, Route } from '../../compiler/model/model.ts'
import { evaluate, staticText, type Static } from '../../compiler/model/static/static.ts'
import type { Dim } from '../../plan/dim.ts'

/** A size with its number beside it. */
type Sized = (size: Dim) => string

const number = (text: string): string => text.split(' = ').at(-1)!

/** A number as it is, where no loop index stands in it. */
const valueText = (value: Static, { values }: Model): string =>
  String(evaluate(value, (name) => values[name], folds) ?? staticText(value))

/** `C = ceil(1.25 * T * 2 / 8)` */
function limitText({ rules, tokens, experts }: MoeTerm, { asked }: Route, sized: Sized, model: Model): string {
  const { limit } = rules
  if (limit === null || limit.kind === 'tokens') return limit === null ? '' : `C = ${sized(limit.tokens)}`
  return `C = ceil(${valueText(limit.factor, model)} * ${tokens.key} * ${number(sized(asked))} / ${number(sized(experts.count))})`
}

const OVERFLOW = {
  drop: 'the others are dropped: no expert, weight 0',
  shared: 'the others are dropped, and their weight goes to the shared experts',
  next: "the others ask, round by round, for the token's next best expert that none of its slots has asked, and keep their weight; without room anywhere they are dropped",
}

/** The steps between the choice and the sum. */
export function ruleLines(moe: MoeTerm, route: Route, sized: Sized, model: Model): readonly string[] {
  const { limit, expertChoice } = moe.rules
  const tokens = moe.tokens.key
  return [
    ...(expertChoice
      ? [
          `each expert takes the ceil(${number(sized(route.asked))} * ${tokens} / ${number(sized(moe.experts.count))}) tokens with its highest scores, of equals the lower ones; the other slots are dropped: no expert, weight 0`,
        ]
      : []),
    ...(limit === null
      ? []
      : [
          `an expert takes at most ${limitText(moe, route, sized, model)} tokens: first choices of all tokens before second ones, then lower tokens before higher; ${OVERFLOW[limit.overflow]}`,
        ]),
  ]
}

/** `require dropless: ...` */
export function promiseLine({ kind, text }: ConstraintFact, { rules }: MoeTerm, model: Model): string {
  const words = (): string => {
    switch (kind) {
      case 'dropless':
        return 'every chosen expert is evaluated, whatever the load'
      case 'each-token':
        return 'so many are evaluated for every token'
      case 'capacity':
      case 'at-most':
        return 'no expert takes more; every slot is kept or dropped'
      case 'expert-choice':
        return 'every expert takes the same number of tokens; a token may have any number of experts'
      case 'groups':
        return 'all experts of a token lie in the groups kept; the best score of a group speaks for it'
      case 'bias-balanced':
        return `balance_bias takes part in the choice alone; in training it moves by ${rules.biasRate === null ? 'the rate' : valueText(rules.biasRate, model)} a step, up for experts with less than the mean load and down for the others`
      case 'balanced-within':
        return `the slots of each expert are within ${rules.within === null ? 'so many' : valueText(rules.within, model)}% of the mean of all experts: smoe run checks it after every run and reports the result; with --strict-routing it ends with 6 where that is missed`
      default:
        return kind satisfies never
    }
  }
  return `require ${text}: ${words()}`
}
