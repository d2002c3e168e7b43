/** Text for the folder of a checkpoint, as the tokens of its tokenizer. */
import type { StreamData } from '../../training/data/data.ts'
import { decodeTokens } from '../../training/data/vocabulary.ts'
import { EXIT, Failure } from '../exit.ts'
import { withTokenizer } from '../run/tokenizer.ts'
import { tokenizerPath } from '../run/tokenizer-path.ts'
import type { Terminal } from '../terminal.ts'
import type { DataSets } from './data.ts'

type Data = DataSets['training']

const isText = (data: Data | null): data is StreamData => data?.kind === 'stream' && data.vocabulary?.kind === 'characters'

/**
 * The data with text tokenized; anything else stays as it is. Characters are no tokens of a published model. Throws a Failure
 * where there is text and no tokenizer.
 */
export async function tokenized(
  sets: DataSets,
  folder: string,
  deadline: number | undefined,
  terminal: Terminal,
): Promise<DataSets> {
  const { training, validation } = sets
  if (!isText(training) && !isText(validation)) return sets
  const path = tokenizerPath(folder, terminal)
  if (path === null)
    throw new Failure(
      EXIT.usage,
      `'${folder}' has no tokenizer.json, and ${training.name} is text`,
      'give token ids, as .npy, .safetensors or --tokens u16, or read the bytes of the text as tokens with --bytes',
    )
  return withTokenizer(path, deadline, terminal, async ({ encode }) => {
    const encoded = async (data: Data): Promise<Data> => {
      if (!isText(data)) return data
      const { kind, name, notes, tokens, vocabulary } = data
      const text = decodeTokens(tokens, vocabulary!)
      return { kind, name, tokens: await encode(text), vocabulary: null, ...(notes === undefined ? {} : { notes }) }
    }
    return { ...sets, training: await encoded(training), validation: validation === null ? null : await encoded(validation) }
  })
}
