/** What the constraints of a moe do to a decision. */
import { constantValue } from '../../plan/dim.ts'
import { capacity, expertChoiceCapacity } from '../lower/capacity.ts'
import { numberIn, sizeIn } from '../lower/environment.ts'
import type { MoeTerm } from '../model/model.ts'
import { library } from './builtins.ts'
import { say, sizeText, type Unit } from './unit.ts'

const LIMITS = { drop: 'limit_drop', shared: 'limit_shared', next: 'limit_next' } as const

/** Lines that apply the constraints to `routing`. */
export function writeRules(unit: Unit, { rules, rows, policy, experts }: MoeTerm): void {
  const tokens = sizeIn(unit.values, rows.shape[0])
  const sizes = { topK: sizeIn(unit.values, policy.inference.asked), numExperts: numberIn(unit.values, experts.count) }
  if (rules.expertChoice) {
    const most = sizeText(unit, expertChoiceCapacity(sizes, tokens))
    say(unit, `routing = ${library(unit, 'choose_by_experts', ['routing', most]).text}`)
  }
  if (rules.limit === null) return
  const room = capacity(unit.values, rules.limit, tokens, sizes)
  if (room === null || constantValue(room) === Infinity) return
  const args = ['routing', sizeText(unit, room), String(sizes.numExperts)]
  say(unit, `routing = ${library(unit, LIMITS[rules.limit.overflow], args).text}`)
}
