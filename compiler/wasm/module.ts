/** Functions -> a WebAssembly module that imports one memory as `env.memory`. */
import { createBytes, type Bytes } from './bytes.ts'
import { createFunction, TYPE_CODE, type FunctionBody, type Signature } from './function.ts'

export interface MemoryImport {
  /** Pages of 64 KiB. */
  readonly minimum: number
  readonly maximum: number
  readonly shared: boolean
}

export interface ModuleBuilder {
  /** The index by which others call it. A name exports it. */
  readonly add: (signature: Signature, write: (body: FunctionBody) => void, name?: string) => number
  readonly take: () => Uint8Array<ArrayBuffer>
}

const SECTION = { type: 1, import: 2, function: 3, export: 7, code: 10 } as const
const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]

export function createModule(memory: MemoryImport): ModuleBuilder {
  const types: Signature[] = []
  const typeIds = new Map<string, number>()
  const functions: { readonly type: number; readonly code: Uint8Array; readonly name?: string }[] = []

  function typeOf(signature: Signature): number {
    const key = `${signature.parameters.join(',')}->${signature.results.join(',')}`
    const known = typeIds.get(key)
    if (known !== undefined) return known
    typeIds.set(key, types.length)
    return types.push(signature) - 1
  }

  return {
    add: (signature, write, name) => {
      const body = createFunction(signature)
      write(body)
      return functions.push({ type: typeOf(signature), code: body.finish(), ...(name === undefined ? {} : { name }) }) - 1
    },
    take: () => {
      const out = createBytes(65536)
      HEADER.forEach(out.byte)
      section(out, SECTION.type, types, ({ parameters, results }) => {
        out.byte(0x60)
        for (const list of [parameters, results]) {
          out.u32(list.length)
          for (const type of list) out.byte(TYPE_CODE[type])
        }
      })
      section(out, SECTION.import, [memory], ({ minimum, maximum, shared }) => {
        out.name('env')
        out.name('memory')
        out.byte(0x02)
        out.byte(shared ? 0x03 : 0x01)
        out.u32(minimum)
        out.u32(maximum)
      })
      section(out, SECTION.function, functions, ({ type }) => out.u32(type))
      const exported = functions.flatMap(({ name }, index) => (name === undefined ? [] : [{ name, index }]))
      section(out, SECTION.export, exported, ({ name, index }) => {
        out.name(name)
        out.byte(0x00)
        out.u32(index)
      })
      section(out, SECTION.code, functions, ({ code }) => {
        out.u32(code.length)
        out.append(code)
      })
      return out.take()
    },
  }
}

function section<T>(out: Bytes, id: number, entries: readonly T[], write: (entry: T) => void): void {
  out.byte(id)
  out.sized(() => {
    out.u32(entries.length)
    entries.forEach(write)
  })
}
