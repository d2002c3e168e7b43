/** The record of a run in a directory: `metrics.jsonl`, and the same numbers in a TensorBoard event file. */
import { open, readdir, unlink, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { orClose } from '../../runtime/checkpoint/source.ts'
import { withFileErrorsAsync, readRegular, WRITE, writeFileWhole } from '../../runtime/files/index.ts'
import { lineOf, parseLines, recordsUpTo, type MetricsRecord, type Recorded } from '../record/metrics.ts'
import { scalarsOf } from '../record/scalars.ts'
import { eventFileName, fileHeader, eventRecord } from '../record/tensorboard.ts'
import { noneWhereAbsent } from './absent.ts'
import { METRICS } from './names.ts'

const EVENTS = /^events\.out\.tfevents\..*\.smoe$/

export interface Recorder {
  /** Appends an event; `time` is in seconds since 1970. */
  readonly add: (event: Recorded, time: number) => Promise<void>
  /** Flushes all events to disk. */
  readonly sync: () => Promise<void>
  readonly close: () => Promise<void>
}

/** The records of a directory; empty if it has none. */
export async function readRecords(directory: string): Promise<readonly MetricsRecord[]> {
  const text = await readRegular(join(directory, METRICS)).catch(noneWhereAbsent(Buffer.alloc(0)))
  return parseLines(text.toString('utf8'))
}

const stepOf = (event: Recorded): number => (event.kind === 'start' ? event.done : event.step)

const eventBytes = (record: MetricsRecord): Uint8Array => eventRecord(record.time, stepOf(record), scalarsOf(record))

/** The paths of TensorBoard event files of earlier runs; empty if the directory does not exist. */
export async function eventFiles(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory).catch(noneWhereAbsent([]))
  return names.filter((name) => EVENTS.test(name)).map((name) => join(directory, name))
}

interface Appended {
  readonly path: string
  readonly file: FileHandle
}

/** Throws a FileError. */
const append = ({ path, file }: Appended, data: string | Uint8Array): Promise<void> =>
  withFileErrorsAsync(path, WRITE, file.appendFile(data))

/** Writes both files from records; the event file is derived from the lines. */
async function writeRecords(
  directory: string,
  records: readonly MetricsRecord[],
  time: number,
): Promise<readonly [Appended, Appended]> {
  const began = records[0]?.time ?? time
  const paths = [join(directory, METRICS), join(directory, eventFileName(began))]
  for (const path of await eventFiles(directory)) await unlink(path)
  await writeFileWhole(
    paths[0],
    records.map((record) => new TextEncoder().encode(lineOf(record))),
  )
  await writeFileWhole(paths[1], [fileHeader(began), ...records.map(eventBytes)])
  const lines = await open(paths[0], 'a')
  return [
    { path: paths[0], file: lines },
    { path: paths[1], file: await orClose(lines, () => open(paths[1], 'a')) },
  ]
}

/** A recorder that continues from `from`, or begins a new record if it is null. Later records are removed. */
export async function createRecorder(
  directory: string,
  from: { readonly step: number; readonly lastEvaluation: number } | null,
  time: number,
): Promise<Recorder> {
  const kept = from === null ? [] : recordsUpTo(await readRecords(directory), from.step, from.lastEvaluation)
  const [lines, events] = await writeRecords(directory, kept, time)
  return {
    add: async (event, at) => {
      const record: MetricsRecord = { ...event, time: at }
      await append(lines, lineOf(record))
      await append(events, eventBytes(record))
    },
    sync: async () => {
      await withFileErrorsAsync(lines.path, WRITE, lines.file.sync())
      await withFileErrorsAsync(events.path, WRITE, events.file.sync())
    },
    close: async () => {
      await lines.file.close()
      await events.file.close()
    },
  }
}
