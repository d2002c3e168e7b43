import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { measure } from '../../../bench/peers/measure.ts'
import { writeResult } from '../../../bench/peers/problem.ts'
import type { Reply, Request } from '../../../bench/peers/protocol.ts'
import type { RunnerProcess } from '../../../bench/peers/runner-process.ts'

const SIZE = { experts: 1, k: 1, width: 2, hidden: 1 }

/** Without a process: `answer` says what it computes or replies. */
function runner(name: string, opened: Reply, answer: (request: Request) => Reply): RunnerProcess {
  const candidate = { kind: 'python', program: '', name, label: name } as const
  return { candidate, opened, ask: async (request) => answer(request), end: async () => {} }
}

test('only what computes the right thing is timed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'smoe-'))
  const ready = { kind: 'ready', version: '1', detail: '' } as const
  const computes =
    (...y: readonly number[]) =>
    (request: Request): Reply => {
      if (request.kind === 'run') return { kind: 'ran', times: Array.from({ length: request.runs }, (_, run) => 100 / (run + 1)) }
      writeResult(folder, 1, Float32Array.from(y))
      return { kind: 'checked' }
    }
  try {
    const outcomes = await measure(
      [
        runner('right', ready, computes(1, 2)),
        runner('wrong', ready, computes(1, 2.01)),
        runner('not finite', ready, computes(1, NaN)),
        runner('too short', ready, computes(1)),
        runner('absent', { kind: 'absent', reason: 'not here' }, computes(1, 2)),
        runner('fails', ready, () => ({ kind: 'failed', reason: 'ended' })),
      ],
      1,
      [1, 2],
      { folder, size: SIZE, seconds: 0.01 },
    )
    expect(outcomes).toEqual([
      expect.objectContaining({ kind: 'timed', error: 0, best: expect.any(Number) }),
      { kind: 'wrong', error: expect.closeTo(0.005, 5) },
      { kind: 'wrong', error: Infinity },
      { kind: 'wrong', error: Infinity },
      { kind: 'absent', reason: 'not here' },
      { kind: 'failed', reason: 'ended' },
    ])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
