/** Two records of routes, token by token: where they first part. */
import { parseNpy } from '../../training/data/npy.ts'
import { DataError } from '../../training/errors.ts'
import { readRegularSync } from '../../runtime/files/index.ts'
import { expertIdsIn, expertIdsOf, partingOf, type ExpertIds, type Parting } from '../../runtime/routing/expert-ids.ts'
import { EXIT, Failure, type ExitCode } from '../exit.ts'
import { table, writeJson, type Format } from '../output.ts'
import { readRecord } from '../run/routes.ts'
import type { Terminal } from '../terminal.ts'

const RECORD = /\.(npy|safetensors)$/
const MOST_BYTES = 2 ** 32

/** Whether a file is a record, of this program or of vLLM, and not a report. */
export const isRecord = (file: string): boolean => RECORD.test(file)

async function idsOf(file: string, terminal: Terminal): Promise<ExpertIds> {
  if (!file.endsWith('.npy')) return expertIdsOf(await readRecord(file, terminal))
  try {
    const { shape, data } = parseNpy(readRegularSync(terminal.path(file), MOST_BYTES), file)
    return expertIdsIn(file, shape, data as ArrayLike<number>)
  } catch (problem) {
    throw problem instanceof DataError ? new Failure(EXIT.usage, problem.message) : problem
  }
}

const listed = (experts: readonly number[]): string => experts.map((expert) => (expert < 0 ? '-' : String(expert))).join(' ')

function partingText({ tokens, layers, first }: Parting, [a, b]: readonly string[]): string {
  const rows = layers.map(({ name, others, reordered, first: token }) => [
    name,
    `${others} of ${tokens}`,
    String(reordered),
    token === null ? '-' : String(token),
  ])
  const verdict =
    first === null
      ? 'every token has the same experts in both\n'
      : `they part at token ${first.token}, in ${first.layer}: ${listed(first.a)} in ${a}, ${listed(first.b)} in ${b}\n`
  return `${verdict}\n${table([['layer', 'other experts', 'other order', 'first'], ...rows], '<>>>')}`
}

/** Exits with 4 where a token has other experts. Throws a Failure or a RouteError. */
export async function compareRecords(files: readonly string[], format: Format, terminal: Terminal): Promise<ExitCode> {
  if (files.length !== 2 || !files.every(isRecord))
    throw new Failure(EXIT.usage, 'a record is compared with another record', 'smoe routing A B, of .safetensors or .npy files')
  const [a, b] = [await idsOf(files[0], terminal), await idsOf(files[1], terminal)]
  const parting = partingOf(a, b)
  if (format === 'json') writeJson(terminal, parting)
  else terminal.out(partingText(parting, files))
  return parting.first === null ? EXIT.ok : EXIT.numbersDiffer
}
