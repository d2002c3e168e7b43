/** Sizes of the load figure, from 2 layers of 8 experts to 64 of 256. */
import type { State } from './state.ts'

export interface Layout {
  readonly left: number
  readonly top: number
  readonly cellWidth: number
  readonly cellHeight: number
  readonly gap: number
  readonly experts: number
  readonly rows: number
  /** Whether a dead cell has room for a cross. */
  readonly hasCross: boolean
  /** Where the bars of the measures begin, and how wide one column of them is. */
  readonly barsAt: number
  readonly bar: Bar
  readonly width: number
  readonly height: number
}

/** The longest bar, the room for its number, and the room to the next column. */
export interface Bar {
  readonly width: number
  readonly value: number
  readonly gap: number
}

const WIDE: Bar = { width: 64, value: 40, gap: 18 }
/** Where cells are small, the map has the room. */
const NARROW: Bar = { width: 40, value: 34, gap: 8 }
const SPACE = 18

export const barRoom = ({ width, value, gap }: Bar): number => width + value + gap

const heights: readonly (readonly [atMost: number, height: number])[] = [
  [4, 40],
  [12, 28],
  [24, 20],
  [40, 15],
  [Infinity, 12],
]

export function layoutOf({ reports, labels }: State, measures: number, available: number): Layout {
  const { layers } = reports[0]
  const experts = Math.max(1, ...layers.map((layer) => layer.experts))
  const longest = Math.max(5, ...labels.labels.map((label) => label.length))
  const left = Math.min(180, 8 + 6.6 * longest)
  const widthWith = (bar: Bar): number => Math.floor(Math.max(240, available - left - measures * barRoom(bar) - SPACE) / experts)
  const bar = widthWith(WIDE) < 14 ? NARROW : WIDE
  const cellWidth = Math.max(2, Math.min(56, widthWith(bar)))
  const [, cellHeight] = heights.find(([atMost]) => layers.length <= atMost) ?? heights[heights.length - 1]
  const barsAt = left + cellWidth * experts + SPACE
  return {
    left,
    top: 34,
    cellWidth,
    cellHeight,
    gap: cellWidth >= 8 ? 1 : 0,
    experts,
    rows: layers.length,
    hasCross: Math.min(cellWidth, cellHeight) >= 7,
    barsAt,
    bar,
    width: barsAt + measures * barRoom(bar),
    height: 34 + cellHeight * layers.length + 36,
  }
}

/** Every how many experts an axis has a number: the last one included where it fits. */
export function axisTicks(experts: number, cellWidth: number): readonly number[] {
  const wanted = 26 / cellWidth
  const step = [1, 2, 4, 5, 8, 10, 16, 32, 64, 128, 256].find((each) => each >= wanted) ?? 512
  return Array.from({ length: Math.ceil(experts / step) }, (_, at) => at * step)
}
