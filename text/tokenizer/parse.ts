/** The JSON of a `tokenizer.json`, bounded before it is parsed. */
import { cut } from '../../runtime/checkpoint/quote.ts'
import { TokenizerError } from './errors.ts'
import { checkSize } from './scan.ts'

/** Throws a TokenizerError for what is too large, too deep or not JSON in UTF-8. */
export function parseTokenizer(bytes: Uint8Array): unknown {
  checkSize(bytes)
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown
  } catch (problem) {
    throw new TokenizerError('format', `it is not JSON: ${cut((problem as Error).message, 120)}`)
  }
}
