/** What a run learns from and is validated with: options, files and how they are parted. */
import { existsSync } from 'node:fs'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { checkCompatible } from '../../training/data/compatible.ts'
import type { TableOptions } from '../../training/data/csv.ts'
import type { Data } from '../../training/data/data.ts'
import { TOKEN_TYPES, type TokenType } from '../../training/data/raw.ts'
import { SEPARATORS } from '../../training/data/separator.ts'
import { split } from '../../training/data/split.ts'
import type { Vocabulary } from '../../training/data/vocabulary.ts'
import { DataError } from '../../training/errors.ts'
import { readData, type ReadOptions } from '../../training/files/data.ts'
import { EXIT, Failure } from '../exit.ts'
import { missingFile } from '../load.ts'
import type { Terminal } from '../terminal.ts'

export interface DataOptions extends Omit<TableOptions, 'heading'> {
  readonly data: readonly string[]
  readonly validation?: readonly string[]
  readonly split: number
  readonly bytes?: boolean
  readonly text?: boolean
  readonly tokens?: TokenType
  readonly heading?: 'yes' | 'no'
}

export interface DataSets {
  readonly training: Data
  readonly validation: Data | null
  /** How the files were read, where that was not plain. */
  readonly notes: readonly string[]
}

/** As the user wrote it, at most three files by name. */
const nameOf = (typed: readonly string[]): string =>
  typed.length <= 3 ? typed.join(', ') : `${typed.slice(0, 2).join(', ')} and ${typed.length - 2} more`

function readingOf({ bytes, text, tokens, label, ignore, separator, decimal, heading }: DataOptions): ReadOptions {
  return {
    as: bytes === true ? 'bytes' : text === true ? 'text' : tokens,
    table: { label, ignore, separator, decimal, heading: heading === undefined ? undefined : heading === 'yes' },
  }
}

async function readNamed(typed: readonly string[], reading: ReadOptions, terminal: Terminal): Promise<Data> {
  const missing = typed.find((path) => !existsSync(terminal.path(path)))
  if (missing !== undefined) throw missingFile(missing, terminal)
  return {
    ...(await readData(
      typed.map((path) => terminal.path(path)),
      { ...reading, names: typed },
    )),
    name: nameOf(typed),
  }
}

const vocabularyOf = (data: Data): Vocabulary | null => (data.kind === 'stream' ? data.vocabulary : null)

/** Throws a DataError where the two do not mean the same. */
function checkSameKind(training: Data, validation: Data): void {
  const vocabulary = vocabularyOf(training)
  if ((vocabulary === null) !== (vocabularyOf(validation) === null)) {
    throw new DataError(
      validation.name,
      null,
      `is ${vocabulary === null ? 'text' : 'token ids'} and the training data is ${vocabulary === null ? 'token ids' : 'text'}: they may have different vocabularies`,
    )
  }
  checkCompatible(training, validation)
}

/** Text is read as the weights that a run begins with have learned it. Throws a Failure where an option says otherwise. */
function withVocabulary(reading: ReadOptions, begun: Vocabulary | null): ReadOptions {
  if (begun === null) return reading
  if (reading.as === 'bytes' && begun.kind !== 'bytes') {
    throw new Failure(
      EXIT.usage,
      `--bytes reads bytes, and the weights have learned ${begun.kind}`,
      'leave it out, or begin with other weights',
    )
  }
  return { ...reading, vocabulary: begun }
}

const vocabularyNote = (data: Data, begun: Vocabulary | null): readonly string[] =>
  begun !== null && data.kind === 'stream' && data.vocabulary === null
    ? [`the weights have learned ${begun.kind}, and ${data.name} has token ids: whether they mean the same is not known`]
    : []

/**
 * `begun` is what tokens stand for in the weights that the run begins with. Throws a Failure for a file that is not there, and a
 * DataError for what cannot be read.
 */
export async function readDataSets(options: DataOptions, begun: Vocabulary | null, terminal: Terminal): Promise<DataSets> {
  const reading = withVocabulary(readingOf(options), begun)
  const all = await readNamed(options.data, reading, terminal)
  const notes = [...(all.notes ?? []), ...vocabularyNote(all, begun)]
  if (options.validation === undefined)
    return { ...(options.split === 0 ? { training: all, validation: null } : split(all, options.split)), notes }
  const validation = await readNamed(options.validation, { ...reading, vocabulary: vocabularyOf(all) ?? undefined }, terminal)
  checkSameKind(all, validation)
  return { training: all, validation, notes: [...notes, ...(validation.notes ?? [])] }
}

function share(text: string): number {
  const value = Number(text)
  if (!(value >= 0 && value < 1)) throw new InvalidArgumentError('a number from 0 to below 1.')
  return value
}

const DATA = new Option('--data <file...>', 'training data: text, .csv or .tsv tables, .npy or .safetensors arrays, token ids')

export const addDataOptions = (command: Command, isRequired = true): Command =>
  command
    .addOption(DATA.makeOptionMandatory(isRequired))
    .option('--validation <file...>', 'validation data, in place of a part of the training data')
    .addOption(
      new Option('--split <share>', 'fraction of the data that is held out for validation')
        .argParser(share)
        .default(0.1)
        .conflicts('validation'),
    )
    .addOption(
      new Option('--bytes', 'reads files as bytes, each a token, rather than text as characters').conflicts(['text', 'tokens']),
    )
    .addOption(new Option('--text', 'reads files as text, whatever it looks like').conflicts('tokens'))
    .addOption(
      new Option(
        '--tokens <type>',
        'reads files as token ids of a type without a header, as train.bin of nanoGPT is u16',
      ).choices(TOKEN_TYPES),
    )
    .option(
      '--label <column>',
      "a table's column of labels, by its heading or its number from 1 (default: as the heading says, else the last)",
    )
    .option('--ignore <column...>', "a table's columns that are left out")
    .addOption(
      new Option('--separator <name>', 'separator of the columns of a table (default: detected)').choices(
        Object.keys(SEPARATORS),
      ),
    )
    .addOption(
      new Option('--decimal <name>', 'decimal mark of the numbers in a table (default: point)').choices(['point', 'comma']),
    )
    .addOption(
      new Option('--heading <answer>', 'whether the first line of a table is a heading (default: detected)').choices([
        'yes',
        'no',
      ]),
    )
