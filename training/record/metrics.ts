/** The record of a run as JSON lines, one event in each. */
import type { CheckpointEvent, TrainingEvent } from '../events.ts'
import { renameFields } from './earlier.ts'

/** The events that are recorded: all but checkpoints, which are files. */
export type Recorded = Exclude<TrainingEvent, CheckpointEvent>

/** An event and its time, in seconds since 1970. */
export type MetricsRecord = Recorded & { readonly time: number }

/** A record as a JSON line, with its newline. NaN becomes null. */
export const lineOf = (record: MetricsRecord): string => `${JSON.stringify(record)}\n`

const KINDS: { readonly [K in Recorded['kind']]: true } = { start: true, step: true, validation: true, probe: true, end: true }

const isRecord = (value: unknown): value is MetricsRecord => {
  const { kind, time } = (value ?? {}) as Partial<MetricsRecord>
  return typeof kind === 'string' && Object.hasOwn(KINDS, kind) && typeof time === 'number'
}

/** The records up to the first invalid line: the last line of a killed run may be truncated. */
export function parseLines(text: string): readonly MetricsRecord[] {
  const records: MetricsRecord[] = []
  for (const line of text.split('\n').slice(0, -1)) {
    try {
      const value: unknown = JSON.parse(line)
      if (!isRecord(value)) return records
      records.push(renameFields(value as typeof value & Readonly<Record<string, unknown>>) as unknown as MetricsRecord)
    } catch {
      return records
    }
  }
  return records
}

/** The records of a run up to `step`, and its evaluations up to `lastEvaluation`; a resumed run appends to them. */
export const recordsUpTo = (records: readonly MetricsRecord[], step: number, lastEvaluation: number): readonly MetricsRecord[] =>
  records.filter((record) => {
    switch (record.kind) {
      case 'start':
        return record.done <= step
      case 'step':
        return record.step <= step
      case 'validation':
      case 'probe':
        return record.step <= lastEvaluation
      case 'end':
        return false
      default:
        return record satisfies never
    }
  })
