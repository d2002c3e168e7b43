/** The texts of an evaluation as tokens. */
import { existsSync } from 'node:fs'
import type { Text } from '../../analysis/eval/evaluate.ts'
import type { Plan } from '../../plan/plan.ts'
import { readRegular } from '../../runtime/files/index.ts'
import { EXIT, Failure } from '../exit.ts'
import { missingFile } from '../load.ts'
import { readInputs } from '../run/inputs.ts'
import { textOf } from '../run/text.ts'
import { withTokenizer } from '../run/tokenizer.ts'
import { tokenizerPath } from '../run/tokenizer-path.ts'
import type { Terminal } from '../terminal.ts'

export interface TextOptions {
  readonly text?: readonly string[]
  readonly tokens?: string
  readonly deadline?: number
}

/** Throws a Failure unless there is a text or there are tokens. */
export function checkTextOptions({ text = [], tokens }: TextOptions): void {
  if (text.length === 0 && tokens === undefined)
    throw new Failure(EXIT.usage, 'nothing to evaluate on', 'give it with --text FILE, or with --tokens FILE:TENSOR')
  if (text.length > 0 && tokens !== undefined) throw new Failure(EXIT.usage, '--text and --tokens are two ways to say one thing')
}

/** Tokenizes each file by itself. `beside` is where the tokenizer is. Throws a Failure. */
export async function readTexts(
  files: readonly string[],
  beside: string | null,
  deadline: number | undefined,
  terminal: Terminal,
): Promise<readonly Text[]> {
  const path = beside === null ? null : tokenizerPath(beside, terminal)
  if (path === null)
    throw new Failure(
      EXIT.usage,
      beside === null ? 'no folder with a tokenizer is given' : `'${beside}' has no tokenizer.json`,
      'token ids are read from a file with --tokens FILE:TENSOR',
    )
  for (const file of files) if (!existsSync(terminal.path(file))) throw missingFile(file, terminal)
  return withTokenizer(path, deadline, terminal, async ({ encode }) => {
    const texts: Text[] = []
    for (const name of files) {
      const bytes = await readRegular(terminal.path(name))
      texts.push({ name, tokens: await encode(textOf(bytes, name)), bytes: bytes.length })
    }
    return texts
  })
}

/** Token ids of a file, [S], or [N, S]: each row is a text. Throws a Failure. */
export async function readTokens(given: string, plan: Pick<Plan, 'model'>, terminal: Terminal): Promise<readonly Text[]> {
  const port = { name: 'tokens', dtype: 'i32', shape: ['S'], doc: '' } as const
  const wanted = { signature: { model: plan.model, dims: [], inputs: [port] }, graph: null, read: refuseText }
  const { shape, data } = (await readInputs(wanted, [`tokens=${given}`], terminal)).tokens
  if (shape.length < 1 || shape.length > 2)
    throw new Failure(EXIT.usage, `the tokens of '${given}' are [${shape.join(', ')}], and [S] or [N, S] is needed`)
  const length = shape.at(-1)!
  const rows = shape.length === 1 ? 1 : shape[0]
  return Array.from({ length: rows }, (_, row) => ({
    name: rows === 1 ? given : `${given} row ${row}`,
    tokens: (data as Int32Array).slice(row * length, (row + 1) * length),
    bytes: null,
  }))
}

const refuseText = async (_: Uint8Array, name: string): Promise<Int32Array> => {
  throw new Failure(EXIT.usage, `${name} is text`, 'give it with --text')
}

/** Throws a Failure for a token that the model does not have, and for texts in which nothing is predicted. */
export function checkTokens(texts: readonly Text[], vocabulary: number, model: string): void {
  for (const { name, tokens } of texts) {
    const stray = tokens.findIndex((id) => id < 0 || id >= vocabulary)
    if (stray >= 0)
      throw new Failure(EXIT.usage, `token ${stray} of ${name} is ${tokens[stray]}, and ${model} has ${vocabulary} tokens`)
  }
  if (texts.every(({ tokens }) => tokens.length < 2))
    throw new Failure(EXIT.usage, 'a text of two tokens at least is needed: the first is not predicted')
}
