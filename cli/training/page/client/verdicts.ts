/** What is wrong with layers at the end, in the words of the terminal. */
import type { TrainingReport } from '../../../../training/record/report.ts'
import { html } from '../../../routing/page/client/dom.ts'
import { remedyWords, troubleWords } from '../../verdict.ts'

/** Null where nothing is wrong. */
export function verdictList({ routing: { verdicts } }: TrainingReport): HTMLElement | null {
  const bad = verdicts.map((verdict) => ({ verdict, words: troubleWords(verdict) })).filter(({ words }) => words.length > 0)
  if (bad.length === 0) return null
  return html('ul', { class: 'verdicts' }, ...bad.map(({ verdict, words }) =>
    html('li', {}, html('code', {}, verdict.layer), ...words.map((one) => html('span', {}, one)), html('span', { class: 'remedy' }, remedyWords(verdict)))))
}
