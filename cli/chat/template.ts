/** The chat template beside the weights: `chat_template.jinja`, or `chat_template` of `tokenizer_config.json`. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readRegularSync } from '../../runtime/files/index.ts'
import { chatTemplate, specialTokens } from '../../text/chat/config.ts'
import { openChatTemplate, type ChatTemplate, type SpecialTokens } from '../../text/chat/template.ts'
import { TokenizerError } from '../../text/tokenizer/errors.ts'
import { recordAt } from '../../text/tokenizer/fields.ts'
import { EXIT, Failure } from '../exit.ts'
import type { Terminal } from '../terminal.ts'

const [TEMPLATE, CONFIG] = ['chat_template.jinja', 'tokenizer_config.json']
const MOST_BYTES = 2 ** 24

function textOf(path: string, terminal: Terminal): string | null {
  if (!existsSync(terminal.path(path))) return null
  return new TextDecoder().decode(readRegularSync(terminal.path(path), MOST_BYTES))
}

function configOf(folder: string, terminal: Terminal): Readonly<Record<string, unknown>> {
  const path = join(folder, CONFIG)
  const text = textOf(path, terminal)
  try {
    return text === null ? {} : recordAt(JSON.parse(text), CONFIG)
  } catch (problem) {
    throw new Failure(EXIT.badCheckpoint, `${path}: ${(problem as Error).message}`)
  }
}

const failing = async <T>(folder: string, work: Promise<T>): Promise<T> =>
  work.catch((problem: unknown) => {
    throw problem instanceof TokenizerError ? new Failure(EXIT.badCheckpoint, `${folder}: ${problem.message}`) : problem
  })

function sourceIn(folder: string, terminal: Terminal): { readonly source: string; readonly special: SpecialTokens } {
  const config = configOf(folder, terminal)
  const source = textOf(join(folder, TEMPLATE), terminal) ?? chatTemplate(config)
  if (source !== null) return { source, special: specialTokens(config) }
  throw new Failure(
    EXIT.usage,
    `'${folder}' has no chat template: no ${TEMPLATE}, and none in ${CONFIG}`,
    'smoe generate continues a text as it is',
  )
}

/**
 * Opens the template, runs the work, and ends its process in any case. Throws a Failure where there is none, and for one that is
 * refused, that refuses a conversation, or does not end.
 */
export async function withChatTemplate<T>(
  folder: string,
  terminal: Terminal,
  work: (template: Pick<ChatTemplate, 'render'>) => Promise<T>,
): Promise<T> {
  const { source, special } = await failing(folder, (async () => sourceIn(folder, terminal))())
  const template = await failing(folder, openChatTemplate(source, special))
  try {
    return await work({ render: (messages) => failing(folder, template.render(messages)) })
  } finally {
    await template.close()
  }
}
