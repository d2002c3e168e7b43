/** The library of tokenizers in a process of its own, and what is said to it. */
import { createRequire } from 'node:module'
import { startLibrary, type LibraryProcess, type Port } from '../process.ts'
import type { Fields } from './fields.ts'

export type WorkerRequest =
  { readonly kind: 'open'; readonly tokenizer: Fields } | { readonly kind: 'encode'; readonly text: string }

export type WorkerReply =
  | { readonly kind: 'opened' }
  /** -1 for a piece without a token. */
  | { readonly kind: 'encoded'; readonly ids: Int32Array }
  | { readonly kind: 'failed'; readonly message: string }

/** What is used of the library. */
interface Library {
  readonly Tokenizer: new (
    tokenizer: Fields,
    config: Fields,
  ) => {
    readonly encode: (
      text: string,
      options: { readonly add_special_tokens: boolean },
    ) => { readonly ids: readonly (number | undefined)[] }
  }
}

function serve(library: Library, port: Port<WorkerRequest, WorkerReply>): void {
  let tokenizer: InstanceType<Library['Tokenizer']> | null = null
  port.onMessage((request) => {
    try {
      if (request.kind === 'open') {
        tokenizer = new library.Tokenizer(request.tokenizer, {})
        port.post({ kind: 'opened' })
        return
      }
      const ids = tokenizer!.encode(request.text, { add_special_tokens: false }).ids
      port.post({ kind: 'encoded', ids: Int32Array.from(ids, (id) => id ?? -1) })
    } catch (error) {
      port.post({ kind: 'failed', message: String((error as Error | null)?.message ?? error) })
    }
  })
}

export type TokenizerProcess = LibraryProcess<WorkerRequest, WorkerReply>

/** Starts the process with so many MiB of heap. */
export const startProcess = (memory: number): TokenizerProcess =>
  startLibrary({
    library: createRequire(import.meta.url).resolve('@huggingface/tokenizers'),
    serve,
    memory,
    name: 'the tokenizer',
  })
