/**
 * Loads as characters: a bar an expert, half high where the share is even; several experts behind one where the line is short.
 */
import type { LayerReport } from '../../runtime/routing/report.ts'
import { loadColour, type Rgb } from './colour.ts'
import { position, relativeLoad } from './scale.ts'

const BARS = '▁▂▃▄▅▆▇█'
export const DEAD = '×'

/** How the experts of a line are laid out. */
export interface Grid {
  /** Experts behind one character. */
  readonly each: number
  /** Characters of one expert, the space behind it included. */
  readonly width: number
}

export function gridFor(experts: number, columns: number): Grid {
  const each = Math.max(1, Math.ceil(experts / Math.max(8, columns)))
  return { each, width: each > 1 ? 1 : Math.max(1, Math.min(3, Math.floor(columns / experts))) }
}

/** The height of a share; an expert that answers anything has a bar. */
export const barOf = (relative: number): string => BARS[Math.max(0, Math.min(7, Math.round(8 * position(relative)) - 1))]

/** The nearest colour of the 6 x 6 x 6 cube that terminals have. */
const cubeColour = (colour: Rgb): number => {
  const [red, green, blue] = colour.map((part) => (part < 48 ? 0 : part < 115 ? 1 : Math.round((part - 35) / 40)))
  return 16 + 36 * red + 6 * green + blue
}

const coloured = (colour: number, text: string): string => `\x1b[38;5;${colour}m${text}\x1b[39m`

function cell(relative: number, { width }: Grid, hasColor: boolean): string {
  const [mark, pad] = width === 3 ? [2, 1] : [1, width - 1]
  const text = (relative === 0 ? DEAD.padStart(mark) : barOf(relative).repeat(mark)) + ' '.repeat(pad)
  // the darkest colours of the scale are black on a dark terminal
  return hasColor ? coloured(relative === 0 ? 203 : cubeColour(loadColour(Math.max(0.35, relative))), text) : text
}

/** One line of a layer: of experts behind one character the busiest shows, and a dead one only where all are. */
export function loadLine({ load, experts, kept }: LayerReport, grid: Grid, hasColor: boolean): string {
  const shares = load.map((count) => relativeLoad(count, experts, kept))
  const groups = Array.from({ length: Math.ceil(experts / grid.each) }, (_, at) =>
    Math.max(...shares.slice(at * grid.each, (at + 1) * grid.each)),
  )
  return groups.map((share) => cell(share, grid, hasColor)).join('')
}

export const lineWidth = (experts: number, { each, width }: Grid): number => Math.ceil(experts / each) * width
