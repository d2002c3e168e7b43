/** The memory of each thread: one area for all programs, of which each thread has a part. Programs run one at a time. */
import type { SharedMemory } from './memory.ts'

export interface OwnMemory {
  /** At least so many bytes for each thread. Throws an OutOfMemoryError. */
  readonly reserve: (bytes: number) => { readonly base: number; readonly stride: number }
}

/** Whole pages of the host: threads share no line, and the area seldom grows. */
const UNIT = 4096

const strideOf = (bytes: number): number => Math.ceil(bytes / UNIT) * UNIT

/** What so many bytes for each thread take together. */
export const ownMemoryBytes = (bytes: number, threads: number): number => strideOf(bytes) * threads

export function createOwnMemory(memory: SharedMemory, threads: number): OwnMemory {
  let [base, stride] = [0, 0]
  return {
    reserve: (bytes) => {
      if (bytes > stride) {
        memory.free(base)
        ;[base, stride] = [0, 0]
        base = memory.allocate('memory of the threads', ownMemoryBytes(bytes, threads))
        stride = strideOf(bytes)
      }
      return { base, stride }
    },
  }
}
