/**
 * Who wrote a buffer last. A kernel with zero flags leaves alone what it wrote itself, so its flags are cleared before an
 * execution where anything else wrote the buffer since: another dispatch, the host, or a copy.
 */
import type { Kernel } from '../../plan/plan.ts'
import type { Dispatch } from '../device.ts'
import type { CpuBuffer } from './buffers.ts'

export interface FlagRange {
  readonly address: number
  readonly bytes: number
}

/** Stands for one dispatch of one program among writers. */
interface DispatchWriter {
  readonly flagged: CpuBuffer | null
  readonly flags: FlagRange
  /** Every buffer that it writes. */
  readonly written: ReadonlySet<CpuBuffer>
}

export interface Writers {
  /** Before an execution: notes all dispatches in order, and calls `clear` for flags that hold no more. */
  readonly note: (clear: (flags: FlagRange) => void) => void
  /** After an execution that failed, whose dispatches may not all have run. */
  readonly forget: () => void
}

/** The binding that a kernel has zero flags of; null where it has none. */
export function flaggedBindingOf(kernel: Kernel): number | null {
  return 'zeroFlagged' in kernel ? (kernel.zeroFlagged ?? null) : null
}

/** `flags` has the flags of each dispatch, empty where it has none. */
export function createWriters(dispatches: readonly Dispatch[], flags: readonly FlagRange[]): Writers {
  const writers = dispatches.map((dispatch, at): DispatchWriter => {
    const { compiled, bindings } = dispatch
    const buffers = bindings.map(({ buffer }) => buffer as CpuBuffer)
    const flagged = flaggedBindingOf(dispatch.compiled.kernel)
    const written = new Set(buffers.filter((_, entry) => compiled.kernel.bindings[entry].access === 'read_write'))
    return { flagged: flagged === null ? null : buffers[flagged], flags: flags[at], written }
  })
  return {
    note: (clear) => {
      for (const writer of writers) {
        if (writer.flagged !== null && writer.flagged.lastWriter() !== writer) clear(writer.flags)
        for (const buffer of writer.written) buffer.setLastWriter(writer)
      }
    },
    forget: () => {
      for (const { written } of writers) for (const buffer of written) buffer.setLastWriter(null)
    },
  }
}
