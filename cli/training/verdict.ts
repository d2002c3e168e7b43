/** Verdicts over the layers of a run in words: in the terminal, and on the page. */
import { reportOf } from '../../plan/output-role.ts'
import { problemsOf, type LayerVerdict, type LayerProblem } from '../../training/record/verdict.ts'
import { balanceWords } from '../routing/balance.ts'
import { loadCollapseWords } from '../routing/collapse.ts'

const MOST = 8

const listed = (experts: readonly number[]): string =>
  `${experts.slice(0, MOST).join(', ')}${experts.length > MOST ? ` and ${experts.length - MOST} more` : ''}`

const over = ({ steps }: LayerVerdict): string => (steps === 1 ? 'in the last step' : `over the last ${steps} steps`)

const TROUBLE: { readonly [T in LayerProblem]: (verdict: LayerVerdict) => string } = {
  collapsed: (verdict) => `${loadCollapseWords(verdict.collapse!, verdict.experts, [])}, ${over(verdict)}`,
  dead: (verdict) =>
    `${verdict.dead.length === 1 ? 'expert' : 'experts'} ${listed(verdict.dead)} of ${verdict.experts} DEAD: no token ${over(verdict)}`,
  unbalanced: ({ experts, steps, balance }) => {
    const { missed, shown } = balance!
    const often =
      steps === 1
        ? ''
        : missed === steps
          ? `, and so in all of the last ${steps} steps`
          : `, and so in ${missed} of the last ${steps} steps`
    return `${balanceWords(shown, experts)}${often}`
  },
}

/** A sentence for each thing that is wrong with a layer. */
export const troubleWords = (verdict: LayerVerdict): readonly string[] =>
  problemsOf(verdict).map((trouble) => TROUBLE[trouble](verdict))

/** Losses that punish an uneven load, by their terms in the standard library; the last is that of earlier records. */
const EVENING: ReadonlySet<string> = new Set(['balance', 'importance', 'competition_balance', 'contest_balance'])

/** What may even the load of a layer that has trouble: what it has already, else what the language offers. */
export function remedyWords({ losses, biasRate }: LayerVerdict): string {
  const evening = [...new Set(losses.map((name) => reportOf(name).term).filter((term) => EVENING.has(term)))]
  const has = [
    ...(biasRate === null ? [] : [`a larger rate than ${biasRate} in \`require bias balanced at ${biasRate}\``]),
    ...(evening.length === 0
      ? []
      : [
          `more weight for the loss${evening.length === 1 ? '' : 'es'} ${evening.map((name) => `\`${name}\``).join(' and ')} of its policy`,
        ]),
  ]
  const offers = [
    ...(biasRate === null ? ['`require bias balanced at 0.001` in the layer'] : []),
    ...(evening.length === 0
      ? [
          'a loss for balance: `load_balance` of std/losses/balance in `when training`, or a policy that has one, `competition` or `noisy_top_k`',
        ]
      : []),
  ]
  return `to try: ${[...has, ...offers, 'a smaller rate for routers, `group "*.router.*" (rate = 0.5)`'].join('; ')}`
}

/** Where layers differ in it, each by its layers. */
export function remedies(verdicts: readonly LayerVerdict[]): readonly string[] {
  const bad = verdicts.filter((verdict) => problemsOf(verdict).length > 0)
  const words = [...new Set(bad.map(remedyWords))]
  return words.length < 2
    ? words
    : words.map(
        (one) =>
          `${bad
            .filter((verdict) => remedyWords(verdict) === one)
            .map(({ layer }) => layer)
            .join(', ')}: ${one}`,
      )
}

/** A line for each thing that is wrong, the name of the layer in front, then what to try; none where nothing is wrong. */
export const verdictLines = (verdicts: readonly LayerVerdict[]): readonly string[] => [
  ...verdicts.flatMap((verdict) => troubleWords(verdict).map((one) => `${verdict.layer}: ${one}`)),
  ...remedies(verdicts).map((one) => `  ${one}`),
]

/** Layers whose troubles are others than at the last call, so that nothing is told at each validation again. */
export function createNews(): (verdicts: readonly LayerVerdict[]) => readonly string[] {
  const known = new Map<string, string>()
  return (verdicts) => {
    const changed = verdicts.filter((verdict) => {
      const [before, now] = [known.get(verdict.layer) ?? '', problemsOf(verdict).join()]
      known.set(verdict.layer, now)
      return now !== before
    })
    const well = changed.filter((verdict) => problemsOf(verdict).length === 0)
    return [...well.map((verdict) => `${verdict.layer}: no problem any more, ${over(verdict)}`), ...verdictLines(changed)]
  }
}
