/** Data on stdout: tables whose columns align, JSON, and a little colour. */
import type { Terminal } from './terminal.ts'

export type Format = 'text' | 'json'

/** `<` to the left, `>` to the right, one character a column; the last column is not padded. */
export type Alignment = string

const pad = (cell: string, width: number, side: string): string => (side === '>' ? cell.padStart(width) : cell.padEnd(width))

/** Lines of a table, two spaces between the columns. The first row is its head. */
export function table(rows: readonly (readonly string[])[], alignment: Alignment = ''): string {
  const columns = Math.max(0, ...rows.map((row) => row.length))
  const widths = Array.from({ length: columns }, (_, j) => Math.max(...rows.map((row) => (row[j] ?? '').length)))
  const line = (row: readonly string[]): string =>
    row
      .map((cell, j) => pad(cell, widths[j], alignment[j] ?? '<'))
      .join('  ')
      .trimEnd()
  return rows.map((row) => `${line(row)}\n`).join('')
}

export const writeJson = (terminal: Terminal, value: unknown): void => terminal.out(`${JSON.stringify(value, null, 2)}\n`)

/** A line each for people, an array for programs. */
export function writeList(terminal: Terminal, format: Format, lines: readonly string[]): void {
  if (format === 'json') writeJson(terminal, lines)
  else for (const line of lines) terminal.out(`${line}\n`)
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

const CODES: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
}

export const paint = (isOn: boolean, style: Style, text: string): string =>
  isOn ? `\x1b[${CODES[style][0]}m${text}\x1b[${CODES[style][1]}m` : text

/** `1.5 MiB` */
export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = count < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(count) / 10))
  const value = count / 1024 ** power
  return `${power === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${units[power]}`
}

/** Milliseconds with three figures that matter. */
export const milliseconds = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(value >= 1 ? 2 : 3)

/** `1,234 kernels`; the locale's own way would take 30 ms to wake up. */
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${String(count).replaceAll(/\B(?=(\d{3})+$)/g, ',')} ${count === 1 ? one : many}`
