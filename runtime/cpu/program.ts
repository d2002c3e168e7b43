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
/** A program whose last execution took fewer milliseconds is short: the caller's other work waits so long. */
const SHORT = 4

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

const timesOffset = (dispatches: number): number => Math.ceil(((HEADER_WORDS + DISPATCH_WORDS * dispatches) * WORD) / 8) * 8
const argumentsOffset = (dispatches: number): number => timesOffset(dispatches) + 8 * (dispatches + 1)

/** How many bindings a dispatch has, and flags: one for each workgroup of a kernel that keeps them, else none. */
export interface TableEntry {
  readonly bindings: number
  readonly flags: number
}

const argumentWordsOf = ({ bindings, flags }: TableEntry, dims: number): number => 2 * bindings + dims + Math.sign(flags)

/** Bytes of the table of a program of a plan with so many dims. */
export const programBytes = (entries: readonly TableEntry[], dims: number): number =>
  argumentsOffset(entries.length) + WORD * sum(entries.map((entry) => argumentWordsOf(entry, dims) + entry.flags))

/** Writes the table of a program. Throws an OutOfMemoryError. */
export async function bindProgram(resources: ProgramResources, request: ProgramRequest): Promise<BoundProgram> {
  const { memory, pool, own, exclusive } = resources
  const { label, dims, dispatches, outputs, copies } = request
  const argumentsAt = argumentsOffset(dispatches.length)
  const timesAt = timesOffset(dispatches.length)
  const flagWords = dispatches.map((dispatch) => (flaggedBindingOf(dispatch.compiled.kernel) === null ? 0 : dispatch.workgroups))
  const entries = dispatches.map(({ bindings }, index) => ({ bindings: bindings.length, flags: flagWords[index] }))
  const argumentWords = entries.map((entry) => argumentWordsOf(entry, dims.length))
  const flagsAt = argumentsAt + WORD * sum(argumentWords)
  const size = programBytes(entries, dims.length)
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
  const labelOf = (dispatch: number): string => dispatches[dispatch].label
  let last = Infinity
  const execute = async (write: () => void, isTimed: boolean): Promise<Executed> => {
    checkBuffers(`running program ${label}`, used)
    write()
    if (dispatches.length > 0) {
      const { base, stride } = own.reserve(ownBytes)
      words.set([base, stride, isTimed ? address + timesAt : 0], 1)
      writers.note((cleared) => memory.bytes().fill(0, cleared.address, cleared.address + cleared.bytes))
      const begin = performance.now()
      try {
        await pool.run(address, labelOf, isTimed ? 'timed' : last < SHORT ? 'caller' : 'threads')
      } catch (error) {
        writers.forget()
        throw error
      }
      last = performance.now() - begin
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
