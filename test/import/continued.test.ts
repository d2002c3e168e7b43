/**
 * The tiny checkpoints of every architecture that continue sequences on the cpu device: pieces of two sequences, of different
 * lengths, have the logits that transformers has of the whole.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { importModel } from '../../cli/import/import.ts'
import { supportedModelTypes } from '../../cli/import/table.ts'
import { compile } from '../../compiler/compile.ts'
import { PORTABLE } from '../../plan/target.ts'
import { openCheckpoint } from '../../runtime/checkpoint/files.ts'
import type { Device } from '../../runtime/device.ts'
import { createSequences, type Sequences } from '../../runtime/sequences.ts'
import { createSession, type Session } from '../../runtime/session.ts'
import { framed } from '../support/check.ts'
import { argmaxRows, relativeError } from '../support/compare.ts'
import { open } from '../support/devices.ts'
import { MORE_IN_LONG, shareOf } from '../support/runs.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { load, root } from '../support/sources.ts'

/** Llama and its like have no weights here; the encoder looks ahead. */
const elsewhere: readonly string[] = ['llama', 'mixtral', 'olmoe', 'nomic_bert']
const types = supportedModelTypes.filter((type) => !elsewhere.includes(type))

let device: Device
beforeAll(async () => void (device = await open('cpu')))
afterAll(() => device.dispose())

const folderOf = (type: string): string => join(root, 'test/fixtures/architectures', type)

function specOf(type: string): string {
  const imported = importModel(JSON.parse(readFileSync(join(folderOf(type), 'config.json'), 'utf8')))
  if (imported.kind !== 'spec') throw new Error(imported.message)
  return imported.spec
}

async function openSession(type: string, sequences: number, longest: number): Promise<Session> {
  const source = { path: `${type}.smoe`, text: specOf(type) }
  const { plan, diagnostics } = compile(source, { load, target: device.target, state: { sequences, longest } })
  if (plan === null) throw new Error(framed(diagnostics))
  const session = await createSession(device, plan)
  const tensors = await openCheckpoint(join(folderOf(type), 'model.safetensors'))
  await session.loadWeights(tensors)
  await tensors.close()
  return session
}

/** Runs pieces of all rows of ids [B, S]; the logits of each row, one after the other. */
async function logitsOf(
  sequences: Sequences,
  rows: readonly (readonly number[])[],
  pieces: readonly (readonly number[])[],
): Promise<readonly (readonly number[])[]> {
  const found: number[][] = rows.map(() => [])
  for (const counts of pieces) {
    const [first, most] = [sequences.lengths(), Math.max(...counts)]
    const data = Int32Array.from(rows.flatMap((row, b) => Array.from({ length: most }, (_, s) => row[first[b] + s] ?? 0)))
    const { logits } = await sequences.run({ tokens: { shape: [rows.length, most], data } }, counts)
    const width = logits.shape[2]
    counts.forEach((count, b) => found[b].push(...logits.data.subarray(b * most * width, (b * most + count) * width)))
  }
  return found
}

test.each(shareOf(types, 4))('%s in pieces', MORE_IN_LONG, async (type) => {
  const { input_ids: ids, logits: wanted } = readSafetensors(join(folderOf(type), 'reference.safetensors'))
  const [, S] = ids.shape
  const width = wanted.shape[2]
  const rows = [0, 1].map((b) => [...ids.values.subarray(b * S, (b + 1) * S)])
  const lengths = [S, S - 3]
  const session = await openSession(type, 2, S)
  const sequences = createSequences(session)
  const pieces = [
    [4, 1],
    [1, 0],
    [1, 5],
    [S - 6, S - 9],
  ]
  // a row has the same bits on the cpu device whatever rows are beside it
  const whole = await logitsOf(sequences, rows, [lengths])
  sequences.truncate([0, 0])
  for (const again of [false, true]) {
    // a text that begins anew sees nothing of the one before
    if (again) sequences.truncate([0, 0])
    const found = await logitsOf(sequences, rows, pieces)
    expect(sequences.lengths()).toEqual(lengths)
    found.forEach((values, b) => {
      const own = wanted.values.subarray(b * S * width, (b * S + lengths[b]) * width)
      expect(values).toHaveLength(own.length)
      expect(relativeError(values, own)).toBeLessThanOrEqual(2e-5)
      expect(argmaxRows(values, width)).toEqual(argmaxRows(own, width))
      expect(values).toEqual(whole[b])
    })
  }
  session.dispose()
})

test('an encoder is refused', () => {
  const source = { path: 'nomic_bert.smoe', text: specOf('nomic_bert') }
  const { diagnostics } = compile(source, { load, target: PORTABLE, state: { sequences: 1, longest: 8 } })
  expect(diagnostics.map(({ code, message }) => `${code} ${message}`)).toEqual([
    'SMOE6006 a maximum over positions in layers.0/attention: a run that continues a sequence is given the new tokens alone',
  ])
})
