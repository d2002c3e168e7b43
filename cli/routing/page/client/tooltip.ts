/** The one note that follows the pointer; the same words are read aloud when a cell is chosen by keys. */
import { html } from './dom.ts'

export interface Tooltip {
  readonly element: HTMLElement
  readonly show: (lines: readonly string[], x: number, y: number) => void
  readonly hide: () => void
  readonly say: (lines: readonly string[]) => void
}

export function createTooltip(): Tooltip {
  const note = html('div', { class: 'tooltip', 'aria-hidden': 'true', hidden: '' })
  const voice = html('div', { class: 'unseen', 'aria-live': 'polite' })
  return {
    element: html('div', {}, note, voice),
    show: (lines, x, y) => {
      note.replaceChildren(...lines.map((line, at) => html(at === 0 && lines.length > 1 ? 'strong' : 'span', {}, line)))
      note.hidden = false
      const { width, height } = note.getBoundingClientRect()
      const { clientWidth, clientHeight } = document.documentElement
      note.style.left = `${Math.max(4, x + 14 + width > clientWidth ? x - width - 14 : x + 14)}px`
      note.style.top = `${Math.max(4, y + 14 + height > clientHeight ? y - height - 14 : y + 14)}px`
    },
    hide: () => void (note.hidden = true),
    say: (lines) => void (voice.textContent = lines.join('. ')),
  }
}
