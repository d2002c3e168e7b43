/** Runs the generation, and tells each piece of text when it is certain. */
import type { GeneratedToken, GenerateRequest, GenerationEnd } from '../../generation/generate.ts'
import { generate } from '../../generation/generate.ts'
import { answerText } from '../../generation/answer-text.ts'
import { EXIT, Failure } from '../exit.ts'
import { NotFiniteLogits } from '../../analysis/eval/evaluate.ts'
import type { Decode } from '../../text/decoder/open.ts'

export type AnswerEnd = GenerationEnd | 'stop'

export interface Answer {
  readonly tokens: readonly GeneratedToken[]
  /** Without the prompt; null where only tokens are known. */
  readonly text: string | null
  readonly end: AnswerEnd
  /** Milliseconds: the first token, which evaluates the prompt, and all that follow. */
  readonly times: { readonly prompt: number; readonly rest: number }
}

/** Tells an answer piece by piece. */
interface Telling {
  readonly add: (token: GeneratedToken) => void
  /** Whether a stop was found. */
  readonly isOver: () => boolean
  /** Tells what was held back; the whole text. */
  readonly end: () => string | null
}

const SILENT: Telling = { add: () => {}, isOver: () => false, end: () => null }

function telling(decode: Decode, prompt: Int32Array, stops: readonly string[], tell: (text: string) => void): Telling {
  const text = answerText(decode, [...prompt], stops)
  let all = ''
  const say = (piece: string): void => {
    all += piece
    if (piece !== '') tell(piece)
  }
  return {
    add: ({ id }) => say(text.add(id)),
    isOver: text.isOver,
    end: () => {
      say(text.end())
      return all
    },
  }
}

/** A Failure for logits that are not finite. */
export const notFinite = async (work: Promise<Answer>): Promise<Answer> =>
  work.catch((problem: unknown) => {
    throw problem instanceof NotFiniteLogits ? new Failure(EXIT.numbersDiffer, problem.message) : problem
  })

/** `tell` gets the text as it comes. Throws what `generate` throws. */
export async function answer(
  request: GenerateRequest,
  decode: Decode | null,
  stops: readonly string[],
  tell: (text: string) => void,
): Promise<Answer> {
  const said = decode === null ? SILENT : telling(decode, request.prompt, stops, tell)
  const tokens: GeneratedToken[] = []
  const start = performance.now()
  let [first, end]: [number | null, AnswerEnd] = [null, 'length']
  const running = generate(request)
  for (let next = await running.next(); ; next = await running.next()) {
    first ??= performance.now()
    if (next.done === true) {
      end = next.value
      break
    }
    tokens.push(next.value)
    said.add(next.value)
    if (said.isOver()) {
      end = 'stop'
      break
    }
  }
  return {
    tokens,
    text: said.end(),
    end,
    times: { prompt: first - start, rest: performance.now() - first },
  }
}
