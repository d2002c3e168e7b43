/** SwiftShader, Vulkan on the CPU, from the one member of an npm package that holds it: unpacked once into the cache. */

import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import { messageOf } from '../device.ts'
import { cacheDirectories, cacheDirectory } from './cache.ts'
import type { Driver, DriverSource } from './driver.ts'
import { tarEntries } from './tar.ts'

const PACKAGE = '@sparticuz/chromium'
const MANIFEST = 'vk_swiftshader_icd.json'
const FILES = ['libvk_swiftshader.so', 'libvulkan.so.1', MANIFEST]
const CONTENTS = 'contents.json'

type Contents = Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>

const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex')

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

/** Whether a directory holds what its list of contents says; sizes only, the sums were checked when it was made. */
function complete(directory: string): boolean {
  try {
    const contents = JSON.parse(readFileSync(join(directory, CONTENTS), 'utf8')) as Contents
    return FILES.every((name) => statSync(join(directory, name)).size === contents[name].bytes)
  } catch {
    return false
  }
}

function writeFiles(directory: string, archive: string): void {
  const contents: Record<string, { bytes: number; sha256: string }> = {}
  for (const { name, data } of tarEntries(brotliDecompressSync(readFileSync(archive)))) {
    if (!FILES.includes(name)) continue
    writeFileSync(join(directory, name), data, { mode: 0o755 })
    contents[name] = { bytes: data.length, sha256: sha256(data) }
  }
  for (const name of FILES) {
    if (contents[name] === undefined) throw new Error(`${archive} holds no ${name}`)
    if (sha256(readFileSync(join(directory, name))) !== contents[name].sha256) throw new Error(`${name} was not written as it is`)
  }
  writeFileSync(join(directory, CONTENTS), JSON.stringify(contents))
}

/** Unpacks beside the place and renames: a reader sees all or nothing, and of several at once one wins. */
function unpack(archive: string, target: string): void {
  const work = mkdtempSync(`${target}.`)
  try {
    writeFiles(work, archive)
    if (existsSync(target) && !complete(target)) rmSync(target, { recursive: true, force: true })
    try {
      renameSync(work, target)
    } catch (error) {
      if (!complete(target)) throw error
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
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
  if (source === null) return { what, driver: null, found: `the package ${PACKAGE} is not installed`, command: 'npm ci' }
  const name = `swiftshader-${source.version}`
  const present = cacheDirectories().map((cache) => join(cache, name)).find(complete)
  if (present !== undefined) return { what, driver: driver(present), found: present, command: null }
  const cache = cacheDirectory()
  if (cache === null) return { what, driver: null, found: 'no cache directory can be written', command: 'SMOE_CACHE=DIR smoe doctor' }
  try {
    unpack(source.archive, join(cache, name))
    return { what, driver: driver(join(cache, name)), found: join(cache, name), command: null }
  } catch (error) {
    return { what, driver: null, found: `could not be unpacked: ${messageOf(error)}`, command: 'npm ci' }
  }
}
