/** Verdicts over the layers of a run in words: in the terminal, and on the page. */
import { troublesOf, type LayerVerdict, type Trouble } from '../../training/record/verdict.ts'
import { balanceWords } from '../routing/balance.ts'
import { loadCollapseWords } from '../routing/collapse.ts'

const MOST = 8

const listed = (experts: readonly number[]): string => `${experts.slice(0, MOST).join(', ')}${experts.length > MOST ? ` and ${experts.length - MOST} more` : ''}`

const over = ({ steps }: LayerVerdict): string => (steps === 1 ? 'in the last step' : `over the last ${steps} steps`)

const TROUBLE: { readonly [T in Trouble]: (verdict: LayerVerdict) => string } = {
  collapsed: (verdict) => `${loadCollapseWords(verdict.collapse!, verdict.experts, [])}, ${over(verdict)}`,
  dead: (verdict) => `${verdict.dead.length === 1 ? 'expert' : 'experts'} ${listed(verdict.dead)} of ${verdict.experts} DEAD: no token ${over(verdict)}`,
  unbalanced: ({ experts, steps, balance }) => {
    const { missed, shown } = balance!
    const often = steps === 1 ? '' : missed === steps ? `, and so in all of the last ${steps} steps` : `, and so in ${missed} of the last ${steps} steps`
    return `${balanceWords(shown, experts)}${often}`
  },
}

/** A sentence for each thing that is wrong with a layer. */
export const troubleWords = (verdict: LayerVerdict): readonly string[] => troublesOf(verdict).map((trouble) => TROUBLE[trouble](verdict))

/** Losses that punish an uneven load, by the last part of their names in the standard library. */
const EVENING = /\.(?:balance|importance|contest_balance)$/

/** What may even the load of a layer that has trouble: what it has already, else what the language offers. */
export function remedyWords({ losses, biasRate }: LayerVerdict): string {
  const evening = losses.filter((name) => EVENING.test(name))
  const has = [
    ...(biasRate === null ? [] : [`a larger rate than ${biasRate} in \`require bias balanced at ${biasRate}\``]),
    ...(evening.length === 0 ? [] : [`more weight for ${evening.join(' and ')}, such as the parameter \`balance\` of the policies in std`]),
  ]
  const offers = [
    ...(biasRate === null ? ['`require bias balanced at 0.001` in the layer'] : []),
    ...(evening.length === 0 ? ['a loss for balance: `load_balance` of std/losses/balance in `when training`, or a policy that has one, `competition` or `noisy_top_k`'] : []),
  ]
  return `to try: ${[...has, ...offers, 'a smaller rate for routers, `group "*.router.*" (rate = 0.5)`'].join('; ')}`
}

/** The lines of one layer, its name in front; none where nothing is wrong. */
export function verdictLines(verdict: LayerVerdict): readonly string[] {
  const words = troubleWords(verdict)
  return words.length === 0 ? [] : [...words.map((one) => `${verdict.layer}: ${one}`), `  ${remedyWords(verdict)}`]
}

/** Layers whose troubles are others than at the last call, so that nothing is told at each validation again. */
export function createNews(): (verdicts: readonly LayerVerdict[]) => readonly string[] {
  const known = new Map<string, string>()
  return (verdicts) => verdicts.flatMap((verdict) => {
    const [before, now] = [known.get(verdict.layer) ?? '', troublesOf(verdict).join()]
    known.set(verdict.layer, now)
    if (now === before) return []
    return now === '' ? [`${verdict.layer}: nothing is wrong any more, ${over(verdict)}`] : verdictLines(verdict)
  })
}
