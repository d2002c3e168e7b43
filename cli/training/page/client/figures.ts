/** What every figure of the page is drawn with. */
import type { TrainingReport } from '../../../../training/record/report.ts'
import type { Theme } from '../../../routing/colour.ts'
import type { Tooltip } from '../../../routing/page/client/tooltip.ts'
import { nearest } from './axes.ts'
import type { Cursor } from './cursor.ts'

export interface Figures {
  readonly report: TrainingReport
  readonly cursor: Cursor
  readonly tooltip: Tooltip
  /** Of the page, in pixels. */
  readonly width: number
  readonly theme: Theme
}

/** Room for the numbers of the upright axis, the same in every wide figure: their steps stand above each other. */
export const LEFT = 52

/** Room for words at the right of wide figures, where they are at least so wide. */
export const [RIGHT, WIDE] = [86, 600]

export const rightOf = ({ width }: Figures): number => (width >= WIDE ? RIGHT : 12)

/** Moves the step under the pointer, and by the arrow keys; `steps` are those there is something to say of. */
export function listen(
  element: HTMLElement | SVGElement,
  { cursor, tooltip }: Figures,
  steps: readonly number[],
  stepAt: (x: number) => number,
  placeOf: (step: number) => number,
  words: (step: number) => readonly string[],
): void {
  let at = steps.length - 1
  const show = (index: number, x: number, y: number): readonly string[] => {
    at = Math.max(0, Math.min(steps.length - 1, index))
    cursor.set(steps[at])
    const lines = words(steps[at])
    tooltip.show(lines, x, y)
    return lines
  }
  const leave = (): void => {
    cursor.set(null)
    tooltip.hide()
  }
  element.addEventListener('pointermove', ((event: PointerEvent) => {
    const wanted = stepAt(event.clientX - element.getBoundingClientRect().left)
    show(nearest(steps, wanted), event.clientX, event.clientY)
  }) as EventListener)
  element.addEventListener('pointerleave', leave)
  element.addEventListener('blur', leave)
  element.addEventListener('keydown', ((event: KeyboardEvent) => {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    if (move === undefined) return
    event.preventDefault()
    const box = element.getBoundingClientRect()
    tooltip.say(show(at + move, box.left + placeOf(steps[Math.max(0, Math.min(steps.length - 1, at + move))]), box.top + 20))
  }) as EventListener)
}
