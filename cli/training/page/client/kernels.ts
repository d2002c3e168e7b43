/** Where the time of a step goes. */
import type { KernelTime } from '../../../../training/record/report.ts'
import { html } from '../../../routing/page/client/dom.ts'
import { grouped, percent } from '../../../routing/page/client/numbers.ts'
import { compact } from './numbers.ts'
import type { Figures } from './figures.ts'

const SOME = 16

const milliseconds = (nanoseconds: number): string => `${compact(nanoseconds / 1e6)} ms`

function row({ kernel, template, label, dispatches, nanoseconds }: KernelTime, all: number, most: number): HTMLElement {
  const share = html('span', { class: 'share' })
  share.style.width = `${(100 * nanoseconds) / most}%`
  const name = html(
    'th',
    { scope: 'row', title: label },
    html('code', {}, kernel),
    html('span', { class: 'template' }, `${template}${dispatches > 1 ? `, ${grouped(dispatches)} dispatches` : ''}`),
  )
  return html(
    'tr',
    {},
    name,
    html('td', {}, share),
    html('td', {}, milliseconds(nanoseconds)),
    html('td', {}, percent(nanoseconds / all)),
  )
}

export function kernelSection({ report: { kernels } }: Figures): HTMLElement | null {
  if (kernels === null || kernels.length === 0) return null
  const all = kernels.reduce((sum, { nanoseconds }) => sum + nanoseconds, 0)
  const rest = kernels.slice(SOME)
  const words = `${milliseconds(all)} on the device in ${grouped(kernels.reduce((sum, { dispatches }) => sum + dispatches, 0))} dispatches.`
  const more =
    rest.length === 0
      ? null
      : html('p', {}, `And ${rest.length} more: ${milliseconds(rest.reduce((sum, { nanoseconds }) => sum + nanoseconds, 0))}.`)
  return html(
    'section',
    {},
    html('h2', {}, 'Time of a step'),
    html('p', {}, words),
    html(
      'div',
      { class: 'scroll' },
      html(
        'table',
        { class: 'kernels' },
        html('tbody', {}, ...kernels.slice(0, SOME).map((each) => row(each, all, kernels[0].nanoseconds))),
      ),
    ),
    more,
  )
}
