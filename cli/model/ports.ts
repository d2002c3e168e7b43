/** The ports of language models, for commands: what is not there is a Failure. */
import type { Plan } from '../../plan/plan.ts'
import { continuedPorts as findContinued, textPorts as findText, tokenPort, type Found } from '../../plan/text-ports.ts'
import type { TextPorts, TokenPort } from '../../plan/text-ports.ts'
import { EXIT, Failure } from '../exit.ts'

function found<T>(result: Found<T>): T {
  if (result.kind === 'found') return result.ports
  throw new Failure(EXIT.usage, result.why, result.help)
}

/** The input of token ids, and how many tokens there are. Throws a Failure for a model with another input. */
export const tokensOf = (plan: Plan): TokenPort => found(tokenPort(plan))

/** Tokens and the logits of each. Throws a Failure for a model that is not a language model. */
export const textPorts = (plan: Plan): TextPorts => found(findText(plan))

/** As `textPorts`, of a plan that continues a text. */
export const continuedPorts = (plan: Plan): TextPorts => found(findContinued(plan))
