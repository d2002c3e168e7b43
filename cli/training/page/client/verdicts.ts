/** What is wrong with layers at the end, in the words of the terminal. */
import type { TrainingReport } from '../../../../training/record/report.ts'
import { html } from '../../../routing/page/client/dom.ts'
import { remedies, troubleWords } from '../../verdict.ts'

/** Words between backticks as code. */
const marked = (words: string): readonly (string | HTMLElement)[] =>
  words.split('`').map((part, at) => (at % 2 === 1 ? html('code', {}, part) : part))

const sentence = (words: string): string => `${words.charAt(0).toUpperCase()}${words.slice(1)}.`

/** Null where nothing is wrong. */
export function verdictList({ routing: { verdicts } }: TrainingReport): HTMLElement | null {
  const bad = verdicts
    .map(({ layer, ...verdict }) => ({ layer, words: troubleWords({ layer, ...verdict }) }))
    .filter(({ words }) => words.length > 0)
  if (bad.length === 0) return null
  return html(
    'section',
    { class: 'verdicts', 'aria-label': 'What is wrong' },
    html(
      'ul',
      {},
      ...bad.map(({ layer, words }) =>
        html('li', {}, html('code', {}, layer), ...words.map((one) => html('span', {}, sentence(one)))),
      ),
    ),
    ...remedies(verdicts).map((one) => html('p', {}, ...marked(sentence(one)))),
  )
}
