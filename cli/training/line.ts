/** A run of training on one line that is drawn over, and the lines that stay. */
import { reportOf, shortReportName } from '../../plan/output-role.ts'
import { emptyTable, own } from '../../plan/table.ts'
import type { StartEvent, StepEvent, ValidationEvent } from '../../training/events.ts'
import { plural } from '../output.ts'
import { duration } from '../progress.ts'
import type { Terminal } from '../terminal.ts'

const WIDTH = 12
const BARS = '▁▂▃▄▅▆▇█'

const bar = (part: number): string => {
  const full = Math.round(part * WIDTH)
  return `${'█'.repeat(full)}${'░'.repeat(WIDTH - full)}`
}

/** The load of each expert beside the heaviest, a bar each. */
export const loadBars = (load: readonly number[]): string => {
  const most = Math.max(1, ...load)
  return load
    .map((slots) => (slots === 0 ? '·' : BARS[Math.min(BARS.length - 1, Math.floor((slots / most) * BARS.length))]))
    .join('')
}

/** `loss.layers.0.moe.router.balance` as `balance`, summed over layers. */
export function termsOf(losses: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  const terms = emptyTable<number>()
  for (const [name, value] of Object.entries(losses)) {
    const { term } = reportOf(name)
    terms[term] = (terms[term] ?? 0) + value
  }
  return terms
}

const number = (value: number): string => (Math.abs(value) >= 0.001 || value === 0 ? value.toFixed(4) : value.toExponential(1))

const numbers = (values: Readonly<Record<string, number>>): string =>
  Object.entries(values)
    .map(([name, value]) => `${name} ${number(value)}`)
    .join('  ')

const rate = (perSecond: number, unit: string): string =>
  `${perSecond >= 100 ? Math.round(perSecond) : perSecond.toPrecision(3)} ${unit}s/s`

export function startLines({
  model,
  adapter,
  seed,
  steps,
  done,
  parameters,
  training,
  validation,
  items,
  unit,
  layers,
}: StartEvent): string {
  const data = `${training.name}: ${plural(training.examples, 'example')}${validation === null ? '' : `, ${plural(validation.examples, 'example')} for validation`}`
  const routed =
    layers.length === 0
      ? 'no routed layer'
      : `${plural(layers.length, 'routed layer')} of ${[...new Set(layers.map(({ experts }) => experts))].join(' or ')} experts`
  const where = done === 0 ? '' : `, going on at step ${done}`
  return `${model}: ${parameters.toLocaleString('en')} weights, ${routed}, on ${adapter}\n${data}\n${plural(steps, 'step')} of ${plural(items, unit)}, seed ${seed}${where}\n\n`
}

/**
 * What is drawn over: how far, how well, how fast and where tokens go; the terms of the loss come last, as a narrow terminal cuts
 * them off.
 */
export function stepLine(
  { step, loss, losses, throughput, eta, routing, lossScale: scale, skipped }: StepEvent,
  { steps, unit }: StartEvent,
): string {
  const terms = termsOf(losses)
  const parts = [
    `${bar(step / steps)} ${step}/${steps}`,
    `loss ${number(loss)}`,
    rate(throughput, unit),
    step < steps ? `${duration(eta * 1000)} left` : '',
    ...(skipped ? [`skipped at scale ${scale}`] : []),
    routing.map(({ load }) => loadBars(load)).join(' '),
    ...(Object.keys(terms).length > 1 ? [numbers(terms)] : []),
  ]
  return parts.filter((part) => part !== '').join('  ')
}

/** Of a step's losses, those that a validation has too: policies have losses in training alone. */
const sharedLoss = (losses: Readonly<Record<string, number>>, asked: Readonly<Record<string, number>>): number =>
  Object.keys(asked).reduce((sum, name) => sum + (own(losses, name) ?? 0), 0)

/** What stays on the screen, a line a validation: both losses are of the same terms. */
export const validationLine = ({ step, loss, losses, metrics, seconds }: ValidationEvent, last: StepEvent | null): string => {
  const words = Object.fromEntries(Object.entries(metrics).map(([name, value]) => [shortReportName(name), value]))
  const learned = last === null ? '' : `loss ${number(sharedLoss(last.losses, losses))}  `
  return `${`step ${step}`.padEnd(12)}${learned}validation ${number(loss)}${Object.keys(words).length === 0 ? '' : `  ${numbers(words)}`}  ${duration(seconds * 1000)}\n`
}

export interface Line {
  readonly draw: (text: string) => void
  /** Writes a line that stays, above the one that is drawn over. */
  readonly keep: (text: string) => void
}

export function createLine(terminal: Terminal): Line {
  const clear = terminal.errIsLive ? '\r\x1b[2K' : ''
  return {
    draw: (text) => {
      if (terminal.errIsLive) terminal.err(`${clear}${text.slice(0, terminal.columns - 1)}`)
    },
    keep: (text) => terminal.err(`${clear}${text}`),
  }
}
