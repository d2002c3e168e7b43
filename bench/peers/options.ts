/** Options of `npm run bench:peers`. */
import { parseArgs } from 'node:util'
import type { LayerSize } from '../../cli/bench/layer.ts'
import { CANDIDATES, type Candidate } from './candidates.ts'

export const USAGE = `npm run bench:peers -- [--tokens 256,64,1] [--experts 8] [--k 2] [--width 512] [--hidden 1024]
  [--seconds 3]       for each candidate and number of tokens
  [--only NAMES]      ${CANDIDATES.map(({ name }) => name).join(', ')}
  [--python python3]  the interpreter that torch is looked for in
  [--out FOLDER]      results.json, table.txt and chart.svg (.cache/bench-peers)
  [--document FILE]   writes the table into a Markdown file as well, between its two comments
  [--no-install]      measures what bench/peers/node_modules has`

export interface PeersOptions {
  readonly size: LayerSize
  readonly tokens: readonly number[]
  readonly seconds: number
  readonly candidates: readonly Candidate[]
  readonly python: string
  readonly out: string
  readonly document: string | null
  readonly installs: boolean
}

function positive(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1) return value
  throw new RangeError(`'${text}' is not a positive whole number`)
}

function secondsOf(text: string): number {
  const value = Number(text)
  if (value > 0 && value < Infinity) return value
  throw new RangeError(`'${text}' is not a time in seconds`)
}

function candidatesOf(names: string | undefined): readonly Candidate[] {
  if (names === undefined) return CANDIDATES
  return names.split(',').map((name) => {
    const found = CANDIDATES.find((one) => one.name === name)
    if (found === undefined) throw new RangeError(`there is no candidate '${name}'`)
    return found
  })
}

/** Throws a RangeError, or a TypeError of Node's, for what it does not know. */
export function peersOptions(args: readonly string[]): PeersOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      tokens: { type: 'string', default: '256,64,1' },
      experts: { type: 'string', default: '8' },
      k: { type: 'string', default: '2' },
      width: { type: 'string', default: '512' },
      hidden: { type: 'string', default: '1024' },
      seconds: { type: 'string', default: '3' },
      only: { type: 'string' },
      python: { type: 'string', default: 'python3' },
      out: { type: 'string', default: '.cache/bench-peers' },
      document: { type: 'string' },
      'no-install': { type: 'boolean', default: false },
    },
  })
  return {
    size: {
      experts: positive(values.experts),
      k: positive(values.k),
      width: positive(values.width),
      hidden: positive(values.hidden),
    },
    tokens: values.tokens.split(',').map(positive),
    seconds: secondsOf(values.seconds),
    candidates: candidatesOf(values.only),
    python: values.python,
    out: values.out,
    document: values.document ?? null,
    installs: !values['no-install'],
  }
}
