/** How far something long has come, on one line of stderr that is drawn over. Silent where stderr is no terminal. */
import { milliseconds } from './output.ts'
import type { Terminal } from './terminal.ts'

export interface Progress {
  /** `done` of the total, in whatever unit the total has. */
  readonly update: (done: number, note?: string) => void
  /** Clears the line. */
  readonly end: () => void
}

const REDRAW_EVERY_MS = 80
const WIDTH = 24

/** `12 s` or `3 min 05 s` */
export function duration(ms: number): string {
  if (ms < 1000) return `${milliseconds(ms)} ms`
  const seconds = Math.round(ms / 1000)
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`
}

/** The time that is left if the rest goes as fast as what is done; empty before a tenth of a second says something. */
export function estimate(elapsedMs: number, done: number, total: number): string {
  if (done <= 0 || done >= total || elapsedMs < 100) return ''
  return `${duration((elapsedMs * (total - done)) / done)} left`
}

function bar(part: number): string {
  const full = Math.round(part * WIDTH)
  return `${'█'.repeat(full)}${'░'.repeat(WIDTH - full)}`
}

/** `label` comes first; it may be a function of the progress. */
export function createProgress(
  terminal: Terminal,
  label: string | ((done: number) => string),
  total: number,
  now: () => number = () => performance.now(),
): Progress {
  if (!terminal.errIsLive) return { update: () => {}, end: () => {} }
  const start = now()
  let drawn = -Infinity
  return {
    update(done, note = '') {
      const time = now()
      if (time - drawn < REDRAW_EVERY_MS && done < total) return
      drawn = time
      const part = total > 0 ? Math.min(1, done / total) : 1
      const words = [
        typeof label === 'string' ? label : label(done),
        bar(part),
        `${Math.floor(part * 100)} %`,
        estimate(time - start, done, total),
        note,
      ]
      terminal.err(
        `\r\x1b[2K${words
          .filter((word) => word !== '')
          .join('  ')
          .slice(0, terminal.columns - 1)}`,
      )
    },
    end: () => terminal.err('\r\x1b[2K'),
  }
}
