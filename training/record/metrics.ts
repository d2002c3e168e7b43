/** The record of a run as lines of JSON: an event a line, each written whole. */
import type { CheckpointEvent, TrainingEvent } from '../events.ts'

/** What is recorded: all but checkpoints, which are files of their own. */
export type Recorded = Exclude<TrainingEvent, CheckpointEvent>

/** An event and when it was, in seconds since 1970. */
export type MetricsRecord = Recorded & { readonly time: number }

/** A line, its end included. A number that is none becomes null, as JSON has it. */
export const lineOf = (record: MetricsRecord): string => `${JSON.stringify(record)}\n`

const KINDS: { readonly [K in Recorded['kind']]: true } = { start: true, step: true, validation: true, probe: true, end: true }

const isRecord = (value: unknown): value is MetricsRecord => {
  const { kind, time } = (value ?? {}) as Partial<MetricsRecord>
  return typeof kind === 'string' && Object.hasOwn(KINDS, kind) && typeof time === 'number'
}

/** The records of whole lines, up to the first that is none: what a run that was killed wrote last may be torn. */
export function parseLines(text: string): readonly MetricsRecord[] {
  const records: MetricsRecord[] = []
  for (const line of text.split('\n').slice(0, -1)) {
    try {
      const value: unknown = JSON.parse(line)
      if (!isRecord(value)) return records
      records.push(value)
    } catch {
      return records
    }
  }
  return records
}

/** The records of what was done when a run stood at `step` and had last looked around at `looked`: with them the record goes on. */
export const recordsUpTo = (records: readonly MetricsRecord[], step: number, looked: number): readonly MetricsRecord[] =>
  records.filter((record) => {
    switch (record.kind) {
      case 'start':
        return record.done <= step
      case 'step':
        return record.step <= step
      case 'validation':
      case 'probe':
        return record.step <= looked
      case 'end':
        return false
      default:
        return record satisfies never
    }
  })
