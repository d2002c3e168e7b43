/** A program in the memory of the pool: its dispatches and their arguments, written once, executed many times. */
import type { BoundProgram, DeviceBuffer, Dispatch, Executed, ProgramRequest } from '../device.ts'
import { addressOf, checkBuffers, readRegions, type BufferMaker, type CpuBuffer } from './buffers.ts'
import type { Exclusive } from '../exclusive.ts'
import type { CpuKernel } from './kernels.ts'
import type { SharedMemory } from './memory.ts'
import type { OwnMemory } from './own-memory.ts'
import type { Pool } from './pool.ts'
import { createWriters, flaggedBindingOf, type FlagRange } from './writers.ts'

const WORD = 4
const HEADER_WORDS = 4
const DISPATCH_WORDS = 3

const sum = (counts: readonly number[]): number => counts.reduce((all, count) => all + count, 0)

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
  const flagWords = dispatches.map((dispatch) => (flaggedBindingOf(dispatch) === null ? 0 : dispatch.workgroups))
  const argumentWords = dispatches.map(({ bindings }, index) => 2 * bindings.length + dims.length + Math.sign(flagWords[index]))
  const flagsAt = argumentsAt + WORD * sum(argumentWords)
  const size = flagsAt + WORD * sum(flagWords)
  const program = await resources.buffers.create(`program ${label}`, size)
  const { address } = program
  const used = [program, ...buffersOf(request)]
  const ownBytes = Math.max(0, ...dispatches.map((dispatch) => kernelOf(dispatch).ownBytes))

  const words = new Uint32Array(memory.bytes().buffer, address, Math.ceil(size / WORD))
  words[0] = dispatches.length
  let [at, flagsOf] = [argumentsAt, address + flagsAt]
  const flags = dispatches.map((dispatch, index): FlagRange => {
    const own: FlagRange = { address: flagsOf, bytes: WORD * flagWords[index] }
    words.set([kernelOf(dispatch).number, address + at, dispatch.workgroups], HEADER_WORDS + DISPATCH_WORDS * index)
    words.set([...dispatch.bindings.flatMap((part) => [addressOf(part), part.elements]), ...dims], at / WORD)
    if (own.bytes > 0) words[at / WORD + argumentWords[index] - 1] = own.address
    at += WORD * argumentWords[index]
    flagsOf += own.bytes
    return own
  })
  const writers = createWriters(dispatches, flags)

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
      writers.note((cleared) => memory.bytes().fill(0, cleared.address, cleared.address + cleared.bytes))
      try {
        await pool.run(address, (dispatch) => dispatches[dispatch].label)
      } catch (error) {
        writers.forget()
        throw error
      }
    }
    const read = outputs.map((regions) => readRegions(memory, regions))
    for (const { from, fromOffset, to, toOffset, bytes } of copies) {
      ;(to as CpuBuffer).setLastWriter(null)
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
