/** The sequence that a session continues. */
import type { Predict } from '../analysis/eval/evaluate.ts'
import { sequenceShape, type TextPorts } from '../plan/text-ports.ts'
import type { FileData } from '../runtime/checkpoint/encode.ts'
import type { Inputs } from '../runtime/dims.ts'
import { choicesOf, type RouteOutput } from '../runtime/routing/tensors.ts'
import { createSequences } from '../runtime/sequences.ts'
import type { Session } from '../runtime/session.ts'
import { choicesOfLast, inRuns, lastRow, wholeSequence, type Continuation } from './continuation.ts'

/** Of a session, or of the reference. */
type Run = (inputs: Inputs) => Promise<Readonly<Record<string, FileData>>>

/** Runs the model on one sequence. `routes` are the outputs of routing decisions, none where they are not asked for. */
export const predictBy =
  (ports: TextPorts, routes: readonly RouteOutput[], run: Run): Predict =>
  async (tokens) => {
    const outputs = await run({ [ports.tokens.name]: { shape: sequenceShape(ports, tokens.length), data: tokens } })
    return { logits: outputs[ports.logits.name].data as Float32Array, layers: choicesOf(routes, outputs).layers }
  }

/** Continues the one sequence of a plan with a state; of another plan, each token evaluates the whole text. */
export function sessionSequence(session: Session, ports: TextPorts, routes: readonly RouteOutput[] = []): Continuation {
  if (session.plan.state === undefined) return wholeSequence(predictBy(ports, routes, (inputs) => session.run(inputs)))
  const sequences = createSequences(session)
  const next = predictBy(ports, routes, (inputs) => sequences.run(inputs))
  return {
    give: inRuns(async (tokens) => {
      const { logits, layers } = await next(tokens)
      return { row: lastRow(logits, ports.vocabulary), layers: choicesOfLast(layers) }
    }),
    goBack: (length) => {
      const known = sequences.lengths()[0]
      const kept = length >= known ? known : sequences.rewinds ? length : 0
      sequences.truncate([kept])
      return kept
    },
  }
}
