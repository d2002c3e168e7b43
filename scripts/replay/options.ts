/** Options of `npm run replay`. */
import { parseArgs } from 'node:util'

export const USAGE = 'npm run replay -- --base REV [--head REV] [--only TEXT] [--ignore-names] [--lines N]'

export interface ReplayOptions {
  readonly base: string
  /** Null for the working tree. */
  readonly head: string | null
  readonly only: string
  readonly ignoreNames: boolean
  readonly lines: number
}

/** Throws a TypeError of Node's on what it does not know; null where no base is given. */
export function replayOptions(args: readonly string[]): ReplayOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      base: { type: 'string' },
      head: { type: 'string' },
      only: { type: 'string', default: '' },
      'ignore-names': { type: 'boolean', default: false },
      lines: { type: 'string', default: '6' },
    },
  })
  const { base, head = null, only, lines } = values
  return base === undefined ? null : { base, head, only, ignoreNames: values['ignore-names'], lines: Number(lines) }
}
