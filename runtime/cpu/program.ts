/** A program in the memory of the pool: its dispatches and their arguments, written once, executed many times. */
import type { BoundProgram, DeviceBuffer, Dispatch, Executed, ProgramRequest } from '../device.ts'
import { addressOf, checkBuffers, readRegions, type BufferMaker } from './buffers.ts'
import type { Exclusive } from '../exclusive.ts'
import type { CpuKernel } from './kernels.ts'
import type { SharedMemory } from './memory.ts'
import type { OwnMemory } from './own-memory.ts'
import type { Pool } from './pool.ts'

const WORD = 4
const HEADER_WORDS = 4
const DISPATCH_WORDS = 3

const kernelOf = ({ compiled }: Dispatch): CpuKernel => compiled as CpuKernel

/** What all programs of a device share. */
export interface ProgramResources {
  readonly memory: SharedMemory
  readonly buffers: BufferMaker
  readonly pool: Pool
  readonly own: OwnMemory
  readonly exclusive: Exclusive
}

/** Every buffer of a program, once. */
const buffersOf = ({ dispatches, outputs, copies }: ProgramRequest): ReadonlySet<DeviceBuffer> =>
  new Set([
    ...dispatches.flatMap(({ bindings }) => bindings.map(({ buffer }) => buffer)),
    ...outputs.flatMap((regions) => regions.map(({ buffer }) => buffer)),
    ...copies.flatMap(({ from, to }) => [from, to]),
  ])

/** Writes the table of a program. Throws an OutOfMemoryError. */
export async function bindProgram(resources: ProgramResources, request: ProgramRequest): Promise<BoundProgram> {
  const { memory, pool, own, exclusive } = resources
  const { label, dims, dispatches, outputs, copies } = request
  const tableWords = HEADER_WORDS + DISPATCH_WORDS * dispatches.length
  const timesAt = Math.ceil((tableWords * WORD) / 8) * 8
  const argumentsAt = timesAt + 8 * (dispatches.length + 1)
  const argumentWords = dispatches.map(({ bindings }) => 2 * bindings.length + dims.length)
  const size = argumentsAt + WORD * argumentWords.reduce((sum, count) => sum + count, 0)
  const program = await resources.buffers.create(`program ${label}`, size)
  const { address } = program
  const used = [program, ...buffersOf(request)]
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
    checkBuffers(`running program ${label}`, used)
    write()
    if (dispatches.length > 0) {
      const { base, stride } = own.reserve(ownBytes)
      words.set([base, stride, isTimed ? address + timesAt : 0], 1)
      await pool.run(address, (dispatch) => dispatches[dispatch].label)
    }
    const read = outputs.map((regions) => readRegions(memory, regions))
    for (const { from, fromOffset, to, toOffset, bytes } of copies) {
      const source = addressOf({ buffer: from, offset: fromOffset })
      memory.bytes().copyWithin(addressOf({ buffer: to, offset: toOffset }), source, source + bytes)
    }
    return { outputs: read, nanoseconds: isTimed ? nanoseconds() : null }
  }
  return {
    execute: (write, isTimed) => exclusive(() => execute(write, isTimed)),
    destroy: program.destroy,
  }
}
