/** A language model on a device that continues prompts: what generated bindings and programs call. */
import { continuedPorts, type TextPorts } from '../plan/text-ports.ts'
import { InputError, StateError } from '../runtime/errors.ts'
import type { Session } from '../runtime/session.ts'
import { checkGenerate } from './arguments.ts'
import { answerText, type AnswerText } from './answer-text.ts'
import type { Continuation, Continue } from './continuation.ts'
import { generate, type GeneratedToken } from './generate.ts'
import type { AnswerEnd, AnswerTextToken, GenerateOptions, TokenIds } from './options.ts'
import type { Sampling } from './sampling.ts'
import { sessionSequence } from './session-sequence.ts'

export interface TextModel {
  /** Whether each token evaluates the whole text, as the plan keeps nothing between runs. */
  readonly evaluatesWholeText: boolean
  /**
   * Tokens after a prompt. Another call ends the one before, whose next token is a StateError then. Throws an InputError for a
   * prompt that is empty, too long or has other tokens than the model, and a NotFiniteLogits.
   */
  readonly generate: (prompt: string | TokenIds, options?: GenerateOptions) => AsyncGenerator<AnswerTextToken, void>
}

const samplingOf = ({
  temperature = 0,
  topK = null,
  topP = null,
  minP = null,
  repetitionPenalty = 1,
}: Readonly<{ [K in keyof Sampling]?: Sampling[K] }>): Sampling => ({ temperature, topK, topP, minP, repetitionPenalty })

/** Rejects with the reason of the signal once it is aborted; the work goes on. */
function untilAborted<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', abort)
    if (signal.aborted) abort()
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

function checkPrompt(tokens: readonly number[], longest: number, { tokens: { name }, vocabulary }: TextPorts): void {
  const refuse = (message: string): never => {
    throw new InputError(name, null, message)
  }
  if (tokens.length === 0) refuse('the prompt has no tokens, and a model continues at least one')
  const stray = tokens.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= vocabulary)
  if (stray >= 0) refuse(`token ${stray} of the prompt is ${tokens[stray]}, and the model has ${vocabulary} tokens`)
  if (tokens.length > longest) refuse(`the prompt has ${tokens.length} tokens, and ${longest} are kept at most`)
}

const NO_TEXT: AnswerText = { add: () => '', isOver: () => false, end: () => '' }

/** The length of what two texts begin with alike. */
function commonLength(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((id, place) => id !== b[place])
  return at < 0 ? a.length : at
}

/** The state after the last text: the tokens that the model was given, and the run under way. */
interface Shared {
  readonly sequence: Continuation
  given: readonly number[]
  running: Promise<unknown>
  /** Counts the texts. */
  turn: number
}

/** Gives tokens for one turn, and notes them. An abort does not wait for the run. */
const givingIn =
  (shared: Shared, turn: number): Continue =>
  async (tokens, signal) => {
    if (shared.turn !== turn) throw new StateError('another text was begun: a model continues one at a time')
    const before = shared.given
    // until the run is done nobody knows how much of it the model has
    shared.given = []
    const work = shared.sequence.give(tokens, signal).then((prediction) => {
      shared.given = [...before, ...tokens]
      return prediction
    })
    shared.running = work.catch(() => {})
    return untilAborted(work, signal)
  }

/** Begins a text behind what it shares with the tokens given before; how many of its tokens the model has. */
async function begin(shared: Shared, turn: number, prompt: readonly number[], reuses: boolean, signal?: AbortSignal) {
  await untilAborted(shared.running, signal)
  if (shared.turn !== turn) throw new StateError('another text was begun: a model continues one at a time')
  // the last token is evaluated in any case: it predicts the first one of the answer
  const common = reuses ? Math.min(commonLength(shared.given, prompt), prompt.length - 1) : 0
  const kept = shared.sequence.goBack(common)
  shared.given = prompt.slice(0, kept)
  return kept
}

interface Request {
  readonly shared: Shared
  readonly turn: number
  readonly prompt: readonly number[]
  /** Tokens that the plan keeps at most. */
  readonly longest: number
  readonly options: GenerateOptions
}

/** Tokens until the end of generation; throws where it was aborted. */
async function* tokensOf({ shared, turn, prompt, longest, options }: Request): AsyncGenerator<GeneratedToken, void> {
  const { maxTokens = 128, seed = 0, endTokens = [], signal, reusePrefix = false } = options
  const given = await begin(shared, turn, prompt, reusePrefix, signal)
  const end = yield* generate({
    prompt: Int32Array.from(prompt),
    given,
    model: givingIn(shared, turn),
    sampling: samplingOf(options),
    seed,
    // the last token is chosen, and the model is not given it
    maxTokens: Math.min(maxTokens, longest - prompt.length + 1),
    ends: new Set(endTokens),
    signal,
  })
  if (end === 'aborted') throw signal!.reason
}

function endOf({ end }: GeneratedToken, isOver: boolean, count: number, maxTokens = 128): AnswerEnd | null {
  if (isOver) return 'stop'
  return end === 'length' && count < maxTokens ? 'context' : end
}

/** Tokens with the text that is certain with each. */
async function* answerOf(request: Request): AsyncGenerator<AnswerTextToken, void> {
  const { prompt, options } = request
  const { tokenizer, stop = [], maxTokens } = options
  const text = tokenizer === undefined ? NO_TEXT : answerText((ids) => tokenizer.decode(ids), prompt, stop)
  let count = 0
  for await (const token of tokensOf(request)) {
    count++
    const sure = text.add(token.id)
    const end = endOf(token, text.isOver(), count, maxTokens)
    yield { id: token.id, logProbability: token.logProbability, text: end === null ? sure : sure + text.end(), end }
    if (end !== null) return
  }
}

/**
 * The model of a session whose plan takes tokens and gives logits: with a state (`smoe compile --context`) it evaluates each
 * token once, without one the whole text each time. Throws a StateError for another plan.
 */
export function createTextModel(session: Session): TextModel {
  const { plan } = session
  const found = continuedPorts(plan)
  if (found.kind === 'refused') throw new StateError(`${found.why}; ${found.help}`)
  const { ports } = found
  const longest = plan.state?.longest ?? Infinity
  const shared: Shared = { sequence: sessionSequence(session, ports), given: [], running: Promise.resolve(), turn: 0 }

  async function* generateText(given: string | TokenIds, options: GenerateOptions): AsyncGenerator<AnswerTextToken, void> {
    const { tokenizer, signal } = options
    signal?.throwIfAborted()
    const turn = ++shared.turn
    const prompt = [...(typeof given === 'string' ? await untilAborted((async () => tokenizer!.encode(given))(), signal) : given)]
    checkPrompt(prompt, longest, ports)
    yield* answerOf({ shared, turn, prompt, longest, options })
  }

  return {
    evaluatesWholeText: plan.state === undefined,
    generate: (prompt, options = {}) => {
      checkGenerate(prompt, options)
      return generateText(prompt, options)
    },
  }
}
