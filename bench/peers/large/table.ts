/** The table of turns on a large checkpoint. */
import { table } from '../../../cli/output.ts'
import { best, type Measured, type SequenceName, type Times } from './measured.ts'

export interface MeasuredTurns {
  readonly label: string
  readonly turns: readonly Measured[]
  /** How far the logits are from the yardstick's. */
  readonly error: string
}

const cell = ({ wall, cpu }: Times): readonly string[] => [wall.toFixed(1), cpu.toFixed(1)]

function row({ label, turns, error }: MeasuredTurns): readonly string[] {
  const run = (name: SequenceName): Times => best(turns.map(({ runs }) => runs[name]))
  const peak = Math.max(...turns.map((one) => one.peak))
  return [
    label,
    ...cell(best(turns.map(({ load }) => load))),
    ...cell(run('input_ids')),
    ...cell(run('input_ids_512')),
    (peak / 1e9).toFixed(2),
    error,
  ]
}

const HEAD = ['', 'load, s', 'CPU s', '128 tokens, s', 'CPU s', '512 tokens, s', 'CPU s', 'peak, GB', 'logits']

const memoryText = ({ label, turns: [{ memory }] }: MeasuredTurns): string =>
  memory === null ? '' : `${label}: planned ${memory.planned} bytes, allocated ${memory.allocated}\n`

/** A line for each, the best of its turns and the largest peak, and the memory of those that were planned for. */
export const largeTable = (all: readonly MeasuredTurns[]): string =>
  `${table([HEAD, ...all.map(row)], '<>>>>>>>>')}\n${all.map(memoryText).join('')}`
