/** The directory of a training run, and what may not be written there. */
import { join, relative } from 'node:path'
import { CHECKPOINTS } from '../../training/files/names.ts'
import { filesOfRun, refuseOtherRun, type SavedRun } from '../../training/files/run.ts'
import { EXIT, Failure } from '../exit.ts'
import { keepApart, type NamedPaths } from '../overwriting.ts'
import type { Terminal } from '../terminal.ts'

export const REPORT = 'report.html'

export interface DirectoryOptions {
  readonly out?: string
  readonly resume?: string
  readonly data: readonly string[]
  readonly validation?: readonly string[]
  readonly weights?: string
}

/** As `--out` says, else that of the resumed run, else a directory of the model's name. */
function choose(model: string, { out, resume }: DirectoryOptions, resumed: SavedRun | null, terminal: Terminal): string {
  if (out === '') throw new Failure(EXIT.usage, 'an output has an empty path')
  if (out !== undefined) return out
  if (resumed === null) return `${model}-run`
  if (resumed.directory !== null) return relative(terminal.path('.'), resumed.directory) || '.'
  throw new Failure(
    EXIT.usage,
    `'${resume}' is not in the ${CHECKPOINTS}/ of a run`,
    '--out says where the run that goes on from it writes',
  )
}

const inputsOf = (path: string, { data, validation = [], weights }: DirectoryOptions): NamedPaths => [
  ['the spec', path],
  ['--weights', weights],
  ...data.map((file) => ['--data', file] as const),
  ...validation.map((file) => ['--validation', file] as const),
]

/**
 * The directory of a run as the user would type it. Throws a Failure if a file of the run would take the place of what it reads,
 * and a ResumeError if the directory has another run.
 */
export async function chooseDirectory(
  path: string,
  model: string,
  options: DirectoryOptions,
  resumed: SavedRun | null,
  terminal: Terminal,
): Promise<string> {
  const shown = choose(model, options, resumed, terminal)
  const directory = terminal.path(shown)
  await refuseOtherRun(directory, resumed?.directory ?? null)
  const written = [...(await filesOfRun(directory)), join(directory, REPORT)]
  keepApart(
    written.map((file) => ['--out', join(shown, relative(directory, file))] as const),
    inputsOf(path, options),
    terminal,
  )
  return shown
}
