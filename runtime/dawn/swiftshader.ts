/** SwiftShader, Vulkan on the CPU, from the one member of an npm package that holds it: unpacked once into the cache. */

import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import { messageOf } from '../device.ts'
import { cacheDirectories, cacheDirectory } from './cache.ts'
import { CONTENTS, contentsOf, isWhole, sha256, writeContents } from './contents.ts'
import type { Driver, DriverSource } from './driver.ts'
import { remedies } from './remedies.ts'
import { tarEntries } from './tar.ts'

const PACKAGE = '@sparticuz/chromium'
const MANIFEST = 'vk_swiftshader_icd.json'
const FILES = ['libvk_swiftshader.so', 'libvulkan.so.1', MANIFEST]
function findPackage(): { readonly archive: string; readonly version: string } | null {
  try {
    let directory = dirname(createRequire(import.meta.url).resolve(PACKAGE))
    while (!existsSync(join(directory, 'package.json')) || !existsSync(join(directory, 'bin'))) {
      const parent = dirname(directory)
      if (parent === directory) return null
      directory = parent
    }
    const archive = join(directory, 'bin', 'swiftshader.tar.br')
    const { version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as { version: string }
    return existsSync(archive) ? { archive, version } : null
  } catch {
    return null
  }
}

const complete = (directory: string): boolean => isWhole(directory, FILES)

function writeFiles(directory: string, archive: string): void {
  const written = new Map<string, string>()
  for (const { name, data } of tarEntries(brotliDecompressSync(readFileSync(archive)))) {
    if (!FILES.includes(name)) continue
    // files are synced before the list that names them
    writeFileSync(join(directory, name), data, { mode: 0o755, flush: true })
    written.set(name, sha256(data))
  }
  const missing = FILES.find((name) => !written.has(name))
  if (missing !== undefined) throw new Error(`${archive} holds no ${missing}`)
  const contents = contentsOf(directory, FILES)
  const wrong = FILES.find((name) => contents[name].sha256 !== written.get(name))
  if (wrong !== undefined) throw new Error(`${wrong} was written with the wrong contents`)
  writeContents(directory, contents)
}

/**
 * Replaces damaged files one by one with complete ones: concurrent processes write the same bytes, and no file is ever missing.
 */
function mend(work: string, target: string): void {
  if (!statSync(target).isDirectory()) {
    rmSync(target, { force: true })
    return renameSync(work, target)
  }
  for (const name of [...FILES, CONTENTS]) {
    if (statSync(join(target, name), { throwIfNoEntry: false })?.isDirectory() === true)
      rmSync(join(target, name), { recursive: true })
    renameSync(join(work, name), join(target, name))
  }
}

/** Unpacks beside the place and renames: a reader sees all or nothing, and of several at once one wins. */
function unpack(archive: string, target: string): void {
  removeAbandoned(target)
  const work = mkdtempSync(`${target}.`)
  try {
    writeFiles(work, archive)
    try {
      renameSync(work, target)
    } catch {
      if (!complete(target)) mend(work, target)
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** Longer than any unpacking takes; milliseconds. */
const ABANDONED = 3_600_000

/** Files left by a process that was killed while unpacking. */
function removeAbandoned(target: string): void {
  for (const name of readdirSync(dirname(target))) {
    const path = join(dirname(target), name)
    const isWork = name.startsWith(`${basename(target)}.`) && name.length === basename(target).length + 7
    const since = isWork ? statSync(path, { throwIfNoEntry: false })?.mtimeMs : undefined
    if (since !== undefined && Date.now() - since > ABANDONED) rmSync(path, { recursive: true, force: true })
  }
}

const driver = (directory: string): Driver => ({
  name: 'SwiftShader',
  manifests: [join(directory, MANIFEST)],
  loader: join(directory, 'libvulkan.so.1'),
})

/** Looks for SwiftShader in the cache, and puts it there where the package is installed. Never throws. */
export function swiftShader(): DriverSource {
  const what = 'SwiftShader (Vulkan on the CPU)'
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return { what, driver: null, found: `comes for linux-x64 only, this is ${process.platform}-${process.arch}`, command: null }
  }
  const source = findPackage()
  if (source === null)
    return { what, driver: null, found: `the package ${PACKAGE} is not installed`, command: remedies.swiftShader }
  const name = `swiftshader-${source.version}`
  const present = cacheDirectories()
    .map((cache) => join(cache, name))
    .find(complete)
  if (present !== undefined) return { what, driver: driver(present), found: present, command: null }
  const cache = cacheDirectory()
  if (cache === null)
    return { what, driver: null, found: 'no cache directory can be written', command: 'SMOE_CACHE=DIR smoe doctor' }
  try {
    unpack(source.archive, join(cache, name))
    return { what, driver: driver(join(cache, name)), found: join(cache, name), command: null }
  } catch (error) {
    return { what, driver: null, found: `could not be unpacked: ${messageOf(error)}`, command: remedies.swiftShader }
  }
}
