/** Chat templates: from messages to the text that a model was trained on. */
import { createRequire } from 'node:module'
import { cut } from '../../runtime/checkpoint/quote.ts'
import { startLibrary, type Port } from '../process.ts'
import { TokenizerError } from '../tokenizer/errors.ts'

export interface Message {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

/** Names of special tokens that templates know, such as `bos_token`, and their texts. */
export type SpecialTokens = Readonly<Record<string, string>>

export interface ChatTemplate {
  /**
   * The text of a conversation, with what begins an answer. It holds its special tokens, so that a tokenizer adds none. Throws a
   * TokenizerError: also for what the template refuses.
   */
  readonly render: (messages: readonly Message[]) => Promise<string>
  /** Ends its process. */
  readonly close: () => Promise<void>
}

type Request =
  | { readonly kind: 'open'; readonly template: string }
  | { readonly kind: 'render'; readonly values: Readonly<Record<string, unknown>> }

type Reply =
  | { readonly kind: 'opened' }
  | { readonly kind: 'rendered'; readonly text: string }
  | { readonly kind: 'failed'; readonly message: string }

/** What is used of the library. */
interface Library {
  readonly Template: new (template: string) => { readonly render: (values: Readonly<Record<string, unknown>>) => string }
}

function serve(library: Library, port: Port<Request, Reply>): void {
  let template: InstanceType<Library['Template']> | null = null
  port.onMessage((request) => {
    try {
      if (request.kind === 'open') {
        template = new library.Template(request.template)
        port.post({ kind: 'opened' })
      } else port.post({ kind: 'rendered', text: template!.render(request.values) })
    } catch (error) {
      port.post({ kind: 'failed', message: String((error as Error | null)?.message ?? error) })
    }
  })
}

/** MiB of heap. */
const MEMORY = 256
/** Milliseconds for a template to be read, and to render. */
const DEADLINE = 1000
/** Characters. Published templates have up to some tens of thousands. */
const LONGEST = 2 ** 20

const refuseFailure = (reply: Reply, what: string): void => {
  if (reply.kind === 'failed') throw new TokenizerError('failed', `${what}: ${cut(reply.message, 200)}`)
}

/** Opens a template, in Jinja, in a process of its own. Throws a TokenizerError. */
export async function openChatTemplate(template: string, special: SpecialTokens): Promise<ChatTemplate> {
  if (template.length > LONGEST) throw new TokenizerError('format', `the chat template has more than ${LONGEST} characters`)
  const library = createRequire(import.meta.url).resolve('@huggingface/jinja')
  const running = startLibrary<Request, Reply>({ library, serve, memory: MEMORY, name: 'the chat template' })
  const { close } = running
  try {
    const what = 'reading the chat template'
    refuseFailure(await running.ask({ kind: 'open', template }, what, DEADLINE), what)
  } catch (error) {
    await close()
    throw error
  }
  return {
    render: async (messages) => {
      const what = 'the chat template'
      const values = { ...special, messages, tools: null, documents: null, add_generation_prompt: true }
      const reply = await running.ask({ kind: 'render', values }, what, DEADLINE)
      refuseFailure(reply, what)
      if (reply.kind !== 'rendered') throw new Error(`a chat template answered '${reply.kind}'`)
      return reply.text
    },
    close,
  }
}
