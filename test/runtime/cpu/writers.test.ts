/** Zero flags hold while their kernel alone writes the buffer. */
import { expect, test } from 'vitest'
import type { Dispatch } from '../../../runtime/device.ts'
import { createWriters, type FlagRange } from '../../../runtime/cpu/writers.ts'

/** A buffer that only remembers who wrote it. */
function buffer() {
  let writer: object | null = null
  return { destroy: () => {}, lastWriter: () => writer, setLastWriter: (next: object | null) => (writer = next) }
}
type Buffer = ReturnType<typeof buffer>

const dispatch = (bindings: readonly (readonly [Buffer, 'read' | 'read_write'])[], zeroFlagged?: number): Dispatch =>
  ({
    bindings: bindings.map(([of]) => ({ buffer: of })),
    compiled: { kernel: { bindings: bindings.map(([, access]) => ({ access })), zeroFlagged } },
  }) as unknown as Dispatch

const NONE: FlagRange = { address: 0, bytes: 0 }
const FLAGS: FlagRange = { address: 64, bytes: 8 }

/** How often flags are cleared in an execution. */
function cleared({ note }: ReturnType<typeof createWriters>): number {
  let times = 0
  note((flags) => {
    expect(flags).toBe(FLAGS)
    times++
  })
  return times
}

test('flags are cleared at first, and kept while nothing else writes the buffer', () => {
  const [gradient, rows] = [buffer(), buffer()]
  const writers = createWriters(
    [
      dispatch(
        [
          [rows, 'read'],
          [gradient, 'read_write'],
        ],
        1,
      ),
    ],
    [FLAGS],
  )
  expect([1, 2, 3].map(() => cleared(writers))).toEqual([1, 0, 0])
  rows.setLastWriter(null)
  expect(cleared(writers)).toBe(0)
})

test.each<[string, (gradient: Buffer) => void]>([
  ['the host', (gradient) => gradient.setLastWriter(null)],
  ['another program', (gradient) => createWriters([dispatch([[gradient, 'read_write']])], [NONE]).note(() => {})],
  [
    'the same kernel in another program',
    (gradient) => void cleared(createWriters([dispatch([[gradient, 'read_write']], 0)], [FLAGS])),
  ],
])('flags are cleared once %s wrote the buffer', (_, write) => {
  const gradient = buffer()
  const writers = createWriters([dispatch([[gradient, 'read_write']], 0)], [FLAGS])
  cleared(writers)
  write(gradient)
  expect([1, 2].map(() => cleared(writers))).toEqual([1, 0])
})

test('flags of memory that another dispatch of the program writes, before or after, never hold', () => {
  const shared = buffer()
  const [flagged, other] = [dispatch([[shared, 'read_write']], 0), dispatch([[shared, 'read_write']])]
  for (const order of [
    [flagged, other],
    [other, flagged],
  ]) {
    const writers = createWriters(
      order,
      order.map((one) => (one === flagged ? FLAGS : NONE)),
    )
    expect([1, 2, 3].map(() => cleared(writers))).toEqual([1, 1, 1])
  }
})

test('flags do not hold after an execution that failed', () => {
  const gradient = buffer()
  const writers = createWriters([dispatch([[gradient, 'read_write']], 0)], [FLAGS])
  cleared(writers)
  writers.forget()
  expect(cleared(writers)).toBe(1)
})

test('two bindings of one buffer: what wrote it before counts for the flagged one, whichever is first', () => {
  const bucket = buffer()
  const writers = createWriters(
    [
      dispatch(
        [
          [bucket, 'read_write'],
          [bucket, 'read_write'],
        ],
        1,
      ),
    ],
    [FLAGS],
  )
  cleared(writers)
  bucket.setLastWriter(null)
  expect(cleared(writers)).toBe(1)
})
