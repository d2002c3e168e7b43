/** What a generation was, for people. */
import { milliseconds, table } from '../output.ts'
import type { Answer, AnswerEnd } from './answer.ts'
import type { Decode } from '../../text/decoder/open.ts'

const ENDS: { readonly [E in AnswerEnd]: string } = {
  'end token': 'the model ended it',
  length: 'the number of tokens was reached',
  stop: 'a stop was found',
  aborted: 'it was aborted',
}

const rate = (tokens: number, time: number): string => `${((1000 * tokens) / Math.max(time, 1e-3)).toPrecision(3)} tokens/s`

/** Tokens and speed of prompt and answer. The first token of the answer comes with the prompt. */
export function summaryText(prompt: number, { tokens, times, end }: Answer): string {
  const rest = tokens.length - 1
  const later = rest > 0 ? `, ${rate(rest, times.rest)} after the first` : ''
  return (
    `prompt: ${prompt} tokens in ${milliseconds(times.prompt)} ms, ${rate(prompt, times.prompt)}; ` +
    `answer: ${tokens.length} tokens${later}; ${ENDS[end]}\n`
  )
}

/** A row a token: the experts that predicted it, layer by layer. */
export function routingText({ tokens }: Answer, decode: Decode | null): string {
  const layers = tokens[0]?.layers ?? []
  if (layers.length === 0) return 'no layer of the model is routed\n'
  const experts = (ids: readonly number[]): string => ids.map((id) => (id < 0 ? '-' : String(id))).join(' ')
  const rows = tokens.map((token) => [
    decode === null ? String(token.id) : JSON.stringify(decode([token.id])),
    Math.exp(token.logProbability).toFixed(3),
    ...token.layers.map((layer) => experts(layer.experts)),
  ])
  return table([['token', 'p', ...layers.map(({ name }) => name)], ...rows], `<>${'<'.repeat(layers.length)}`)
}
