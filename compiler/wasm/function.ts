/**
 * The body of one WebAssembly function: instructions are written into one buffer as they are emitted, locals are counted by
 * type.
 */
import { createBytes, type Bytes } from './bytes.ts'
import {
  alignmentOf,
  encodingOf,
  type Encoding,
  type LaneOpcode,
  type MemoryLaneOpcode,
  type MemoryOpcode,
  type PlainOpcode,
} from './opcodes.ts'

export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128'

export const TYPE_CODE: { readonly [T in ValueType]: number } = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b }

export interface Signature {
  readonly parameters: readonly ValueType[]
  readonly results: readonly ValueType[]
}

/** Emits instructions in order. Operands are on the stack of the machine, as WebAssembly has it. */
export interface FunctionBody {
  readonly op: (name: PlainOpcode) => void
  readonly load: (name: MemoryOpcode, offset?: number) => void
  readonly store: (name: MemoryOpcode, offset?: number) => void
  readonly memoryLane: (name: MemoryLaneOpcode, lane: number, offset?: number) => void
  readonly lane: (name: LaneOpcode, lane: number) => void
  /** The 16 bytes of the result, by their places in the two operands. */
  readonly shuffle: (bytes: readonly number[]) => void
  readonly i32: (value: number) => void
  readonly i64: (value: bigint) => void
  readonly f32: (value: number) => void
  /** A vector constant, as its four words of 32 bits. */
  readonly v128: (words: readonly number[]) => void
  /** The index of a new local. Locals begin as zeros. */
  readonly local: (type: ValueType) => number
  readonly get: (local: number) => void
  readonly set: (local: number) => void
  readonly tee: (local: number) => void
  readonly call: (functionIndex: number) => void
  /** A block that `branch(0)` at its end leaves. */
  readonly block: (body: () => void) => void
  /** A block that `branch(0)` at its end begins again. */
  readonly loop: (body: () => void) => void
  /** The condition, an i32, is on the stack. */
  readonly when: (then: () => void, otherwise?: () => void, result?: ValueType) => void
  readonly branch: (depth: number) => void
  readonly branchIf: (depth: number) => void
  /** Locals, instructions and the end, as the code section has them. */
  readonly finish: () => Uint8Array
}

const EMPTY = 0x40

export function createFunction({ parameters }: Signature): FunctionBody {
  const code = createBytes(4096)
  const locals: ValueType[] = []

  const encoded = ({ prefix, code: number }: Encoding): void => {
    if (prefix === 0) return code.byte(number)
    code.byte(prefix)
    code.u32(number)
  }
  const nested = (opcode: number, result: ValueType | null, body: () => void): void => {
    code.byte(opcode)
    code.byte(result === null ? EMPTY : TYPE_CODE[result])
    body()
    code.byte(0x0b)
  }
  const indexed =
    (opcode: number) =>
    (index: number): void => {
      code.byte(opcode)
      code.u32(index)
    }
  const access = (name: MemoryOpcode, offset = 0): void => {
    encoded(encodingOf(name))
    code.u32(alignmentOf(name))
    code.u32(offset)
  }

  return {
    op: (name) => encoded(encodingOf(name)),
    load: access,
    store: access,
    memoryLane: (name, lane, offset = 0) => {
      encoded(encodingOf(name))
      code.u32(2)
      code.u32(offset)
      code.byte(lane)
    },
    lane: (name, lane) => {
      encoded(encodingOf(name))
      code.byte(lane)
    },
    shuffle: (bytes) => {
      encoded({ prefix: 0xfd, code: 0x0d })
      bytes.forEach(code.byte)
    },
    i32: (value) => {
      code.byte(0x41)
      code.s32(value)
    },
    i64: (value) => {
      code.byte(0x42)
      code.s64(value)
    },
    f32: (value) => {
      code.byte(0x43)
      code.f32(value)
    },
    v128: (words) => {
      encoded({ prefix: 0xfd, code: 0x0c })
      for (const word of words) for (let shift = 0; shift < 32; shift += 8) code.byte((word >>> shift) & 0xff)
    },
    local: (type) => parameters.length + locals.push(type) - 1,
    get: indexed(0x20),
    set: indexed(0x21),
    tee: indexed(0x22),
    call: indexed(0x10),
    block: (body) => nested(0x02, null, body),
    loop: (body) => nested(0x03, null, body),
    when: (then, otherwise, result) =>
      nested(0x04, result ?? null, () => {
        then()
        if (otherwise === undefined) return
        code.byte(0x05)
        otherwise()
      }),
    branch: indexed(0x0c),
    branchIf: indexed(0x0d),
    finish: () => {
      const body = createBytes(64)
      writeLocals(body, locals)
      body.append(code.take())
      body.byte(0x0b)
      return body.take()
    },
  }
}

/** Neighbours of one type are declared together. */
function writeLocals(body: Bytes, locals: readonly ValueType[]): void {
  const runs: { type: ValueType; count: number }[] = []
  for (const type of locals) {
    const last = runs.at(-1)
    if (last?.type === type) last.count++
    else runs.push({ type, count: 1 })
  }
  body.u32(runs.length)
  for (const { type, count } of runs) {
    body.u32(count)
    body.byte(TYPE_CODE[type])
  }
}
