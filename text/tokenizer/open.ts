/** A tokenizer of a model, from the bytes of its `tokenizer.json`, behind a deadline. */
import { cut } from '../../runtime/checkpoint/quote.ts'
import { TokenizerError } from './errors.ts'
import { parseTokenizer } from './parse.ts'
import { translate } from './translate.ts'
import { startProcess, type TokenizerProcess, type WorkerReply } from './worker.ts'

export interface TokenizerOptions {
  /** Milliseconds that opening may take, and each text of a mebibyte; longer texts get more in proportion. */
  readonly deadline?: number
  /** The process that the library runs in, with so many MiB of heap; a new one where it is absent. */
  readonly start?: (memory: number) => TokenizerProcess
}

export interface Tokenizer {
  /**
   * The token ids of a text, with the special tokens that the model expects around it, as transformers gives them, or without
   * them where `isFramed` is false. Throws a TokenizerError.
   */
  readonly encode: (text: string, isFramed?: boolean) => Promise<Int32Array>
  /** Ends its process. */
  readonly close: () => Promise<void>
}

const DEADLINE = 30_000
/** MiB of heap for the largest published tokenizers and a text of some mebibytes. */
const MEMORY = 1536

const MIB = 2 ** 20

const refuseFailure = (reply: WorkerReply, what: string): void => {
  if (reply.kind === 'failed') throw new TokenizerError('failed', `${what}: ${cut(reply.message, 200)}`)
}

/** Checks the file and opens the tokenizer in a process of its own. Throws a TokenizerError. */
export async function openTokenizer(
  bytes: Uint8Array,
  { deadline = DEADLINE, start = startProcess }: TokenizerOptions = {},
): Promise<Tokenizer> {
  const { tokenizer, frame } = translate(parseTokenizer(bytes))
  const library = start(MEMORY)
  const { close } = library
  try {
    const what = 'opening the tokenizer'
    refuseFailure(await library.ask({ kind: 'open', tokenizer }, what, deadline), what)
  } catch (error) {
    await close()
    throw error
  }
  const encode = async (text: string, isFramed = true): Promise<Int32Array> => {
    const what = 'tokenizing a text'
    const reply = await library.ask({ kind: 'encode', text }, what, deadline * Math.max(1, text.length / MIB))
    refuseFailure(reply, what)
    if (reply.kind !== 'encoded') throw new Error(`a tokenizer answered '${reply.kind}'`)
    if (reply.ids.includes(-1)) throw new TokenizerError('failed', 'a piece of the text has no token, and none stands for it')
    return isFramed ? Int32Array.from([...frame.before, ...reply.ids, ...frame.after]) : reply.ids
  }
  return { encode, close }
}
