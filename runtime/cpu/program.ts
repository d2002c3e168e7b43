/** A program in the memory of the pool: its dispatches and their arguments, written once, executed many times. */
import type { BoundProgram, Dispatch, Executed, ProgramRequest } from '../device.ts'
import { addressOf, readRegions } from './buffers.ts'
import type { CpuKernel } from './kernels.ts'
import type { SharedMemory } from './memory.ts'
import type { Pool } from './pool.ts'

const WORD = 4
const HEADER_WORDS = 4
const DISPATCH_WORDS = 3

/** Bytes of a thread's own memory, at least so many for each, in memory that all programs share. */
export interface OwnMemory {
  readonly reserve: (bytes: number) => { readonly base: number; readonly stride: number }
}

const kernelOf = ({ compiled }: Dispatch): CpuKernel => compiled as CpuKernel

export function bindProgram(
  memory: SharedMemory,
  pool: Pool,
  own: OwnMemory,
  exclusive: <T>(work: () => Promise<T>) => Promise<T>,
  { label, dims, dispatches, outputs, copies }: ProgramRequest,
): BoundProgram {
  const tableWords = HEADER_WORDS + DISPATCH_WORDS * dispatches.length
  const timesAt = Math.ceil((tableWords * WORD) / 8) * 8
  const argumentsAt = timesAt + 8 * (dispatches.length + 1)
  const argumentWords = dispatches.map(({ bindings }) => 2 * bindings.length + dims.length)
  const size = argumentsAt + WORD * argumentWords.reduce((sum, count) => sum + count, 0)
  const address = memory.allocate(`program ${label}`, size)
  const ownBytes = Math.max(0, ...dispatches.map((dispatch) => kernelOf(dispatch).ownBytes))

  const words = new Uint32Array(memory.bytes().buffer, address, Math.ceil(size / WORD))
  words[0] = dispatches.length
  let at = argumentsAt
  dispatches.forEach((dispatch, index) => {
    words.set([kernelOf(dispatch).number, address + at, dispatch.workgroups], HEADER_WORDS + DISPATCH_WORDS * index)
    words.set([...dispatch.bindings.flatMap((part) => [addressOf(part), part.elements]), ...dims], at / WORD)
    at += WORD * argumentWords[index]
  })

  const nanoseconds = (): readonly number[] => {
    const times = new Float64Array(memory.bytes().buffer, address + timesAt, dispatches.length + 1)
    return dispatches.map((_, index) => Math.round((times[index + 1] - times[index]) * 1e6))
  }
  const execute = async (write: () => void, isTimed: boolean): Promise<Executed> => {
    write()
    const { base, stride } = own.reserve(ownBytes)
    words.set([base, stride, isTimed ? address + timesAt : 0], 1)
    await pool.run(address, (dispatch) => dispatches[dispatch].label)
    const read = outputs.map((regions) => readRegions(memory, regions))
    for (const { from, fromOffset, to, toOffset, bytes } of copies) {
      const source = addressOf({ buffer: from, offset: fromOffset })
      memory.bytes().copyWithin(addressOf({ buffer: to, offset: toOffset }), source, source + bytes)
    }
    return { outputs: read, nanoseconds: isTimed ? nanoseconds() : null }
  }
  return {
    execute: (write, isTimed) => exclusive(() => execute(write, isTimed)),
    destroy: () => memory.free(address),
  }
}
