/** Examines a mutated checkpoint: it must be read completely or refused with a short typed error. */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import { dtypeRecord } from '../../runtime/checkpoint/dtypes.ts'
import { configOfGguf } from '../../cli/import/gguf/config.ts'
import { fileSource, openCheckpoint } from '../../runtime/checkpoint/files.ts'
import { openGguf } from '../../runtime/checkpoint/gguf/open.ts'
import { readTensor } from '../../runtime/checkpoint/tensor.ts'
import { CheckpointError } from '../../runtime/errors.ts'
import type { CheckpointMutant } from './checkpoint-mutants.ts'

export interface CheckpointOutcome {
  readonly isAccepted: boolean
  /** The reason of a failure; null if it passed. */
  readonly failure: string | null
  /** Of processor time, milliseconds. */
  readonly time: number
}

/** Longer messages, without the path, quote a file at length. */
const LONGEST_MESSAGE = 500

/** Processor time of an input of some kilobytes, milliseconds; generous, since others use the machine too. */
const SLOWEST = 1000

/** Reads every tensor of an accepted checkpoint; gives what is wrong with it. */
async function readAll(checkpoint: Checkpoint): Promise<string | null> {
  for (const [name, { dtype, shape, bytes }] of checkpoint.tensors) {
    const read = await checkpoint.read(name, 0, bytes)
    if (read.length !== bytes) return `${bytes} bytes of a tensor are ${read.length}`
    if (dtypeRecord(dtype).read === null) continue
    const { data } = await readTensor(checkpoint, name)
    if (data.length !== shape.reduce((all, size) => all * size, 1))
      return `a tensor of ${shape.join(' x ')} has ${data.length} elements`
  }
  return null
}

function wrongRefusal(error: unknown, folder: string): string | null {
  if (!(error instanceof CheckpointError))
    return `threw ${error instanceof Error ? `${error.name}: ${error.message.slice(0, 200)}` : String(error)}`
  const message = error.message.replaceAll(folder, '')
  if (message.length > LONGEST_MESSAGE) return `a message of ${message.length} characters: ${message.slice(0, 100)}`
  return /[\u0000-\u001f\u007f]|\p{Surrogate}/u.test(message)
    ? `a message with control characters: ${JSON.stringify(message).slice(0, 200)}`
    : null
}

const openFiles = async (): Promise<number | null> =>
  readdir('/proc/self/fd').then(
    ({ length }) => length,
    () => null,
  )

/** Its metadata becomes a config, or reasons against it. */
async function readConfig(path: string): Promise<void> {
  const file = await openGguf(await fileSource(path))
  try {
    await configOfGguf(file)
  } finally {
    await file.source.close()
  }
}

async function openAndRead(folder: string, name: string | undefined): Promise<Omit<CheckpointOutcome, 'time'>> {
  try {
    if (name !== undefined) await readConfig(join(folder, name))
    const checkpoint = await openCheckpoint(name === undefined ? folder : join(folder, name))
    try {
      return { isAccepted: true, failure: await readAll(checkpoint) }
    } finally {
      await checkpoint.close()
    }
  } catch (error) {
    return { isAccepted: false, failure: wrongRefusal(error, folder) }
  }
}

/** Writes the mutant into a folder of its own under `parent`, opens it, and removes it. */
export async function examineCheckpoint({ files }: CheckpointMutant, parent: string): Promise<CheckpointOutcome> {
  const folder = join(parent, 'mutant')
  await mkdir(folder, { recursive: true })
  try {
    for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes)
    const before = await openFiles()
    const start = process.cpuUsage()
    const outcome = await openAndRead(
      folder,
      Object.keys(files).find((name) => name.endsWith('.gguf')),
    )
    const { user, system } = process.cpuUsage(start)
    const time = (user + system) / 1000
    const left = ((await openFiles()) ?? 0) - (before ?? 0)
    const failure =
      outcome.failure ??
      (left > 0 ? `${left} files stay open` : null) ??
      (time > SLOWEST ? `takes ${time.toFixed(0)} ms of processor time` : null)
    return { ...outcome, failure, time }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
