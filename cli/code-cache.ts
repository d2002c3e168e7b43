/**
 * V8's code cache of the program in a package: what an earlier run of the same command compiled is not compiled again
 * (docs/decisions/code-cache.md).
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { cachedDataVersionTag } from 'node:v8'
import { Script } from 'node:vm'
import { crc32 } from 'node:zlib'

export interface LoadedProgram {
  readonly exports: unknown
  /** Whether functions came from the cache. */
  readonly isCached: boolean
  /** Writes the cache for the next run, where this one had none and its directory can be written. */
  readonly save: () => void
}

export interface Place {
  /** A CommonJS file whose name changes with its contents, and which imports ES modules by `importModule(specifier)`. */
  readonly program: string
  readonly name: string
  /** Who writes here can write the program too: code from the cache runs unseen. */
  readonly directory: string
  /** Commands run different functions. */
  readonly command: string
}

/** Bytes of the CRC-32 before the data. V8 does not detect damage. */
const CHECKSUM = 4

/** The name of the first command-like word of a command line. */
export const commandIn = (args: readonly string[]): string => args.find((word) => /^[a-z]{1,20}$/.test(word)) ?? 'none'

function readCache(path: string): Buffer | undefined {
  try {
    const bytes = readFileSync(path)
    const data = bytes.subarray(CHECKSUM)
    return crc32(data) === bytes.readUInt32LE() ? data : undefined
  } catch {
    // there is none yet, or it is too short
    return undefined
  }
}

/** As Node wraps a CommonJS file, with `importModule` beside. */
const wrapped = (source: string): string =>
  `(function (exports, require, module, __filename, __dirname, importModule) { ${source}\n})`

/** Another process may write the same at once: each renames a file of its own. */
function writeCache(directory: string, file: string, data: Buffer): void {
  const checksum = Buffer.alloc(CHECKSUM)
  checksum.writeUInt32LE(crc32(data))
  const draft = join(directory, `${file}.${process.pid}.part`)
  mkdirSync(directory, { recursive: true })
  try {
    writeFileSync(draft, Buffer.concat([checksum, data]), { flag: 'wx' })
    renameSync(draft, join(directory, file))
  } finally {
    rmSync(draft, { force: true })
  }
}

/** Removes what other programs left: a package that was built anew. */
function removeOthers(directory: string, name: string): void {
  for (const file of readdirSync(directory)) if (!file.startsWith(`${name}-`)) rmSync(join(directory, file), { force: true })
}

/** Loads and runs the program. What V8 refuses, as of another version or with other flags, is as if there were none. */
export function loadProgram({ program, name, directory, command }: Place): LoadedProgram {
  // names the version of V8, its flags and the processor's features
  const tag = cachedDataVersionTag()
  const file = `${name}-${command}-${tag.toString(16)}`
  const cachedData = readCache(join(directory, file))
  const script = new Script(wrapped(readFileSync(program, 'utf8')), {
    filename: program,
    cachedData,
  })
  const isCached = script.cachedDataRejected === false
  const module = { exports: {} as unknown }
  const run = script.runInThisContext() as (...given: readonly unknown[]) => void
  // `import` in a script needs a flag of Node
  const importModule = (specifier: string): Promise<unknown> => import(specifier)
  run(module.exports, createRequire(program), module, program, dirname(program), importModule)
  const save = (): void => {
    // after a change of flags V8 would refuse it
    if (isCached || tag !== cachedDataVersionTag()) return
    try {
      writeCache(directory, file, script.createCachedData())
      removeOthers(directory, name)
    } catch {
      // a package that this user cannot write: the next start is as slow as this one
    }
  }
  return { exports: module.exports, isCached, save }
}
