/** Where Vulkan drivers lie: a driver is a manifest (JSON) that names a library. */

import { existsSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { cacheDirectories } from './cache.ts'
import { adopt, CONTENTS, isWhole } from './contents.ts'
import { remedies } from './remedies.ts'

export interface Driver {
  readonly name: string
  readonly manifests: readonly string[]
  /** A loader that comes along; null where the system's own must serve. */
  readonly loader: string | null
}

/** One way to a driver: what was found there and, where nothing was, the command that brings it. */
export interface DriverSource {
  readonly what: string
  readonly driver: Driver | null
  readonly found: string
  readonly command: string | null
}

export const MANIFEST_VARIABLES = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES'] as const

/** As the process was started; our own changes come later. */
const given = MANIFEST_VARIABLES.map((name) => process.env[name]).find((value) => value !== undefined && value !== '')

/** Drivers that the user names in the environment. */
export function givenDrivers(): DriverSource {
  const what = `drivers named in ${MANIFEST_VARIABLES.join(' or ')}`
  if (given === undefined) return { what, driver: null, found: 'not set', command: null }
  const manifests = given.split(delimiter).filter((path) => path !== '')
  return { what, driver: { name: 'given', manifests, loader: null }, found: manifests.join(', '), command: null }
}

function manifestDirectories(): readonly string[] {
  const { XDG_DATA_HOME, XDG_DATA_DIRS, XDG_CONFIG_DIRS } = process.env
  const data = (XDG_DATA_DIRS || '/usr/local/share:/usr/share').split(':')
  const config = [...(XDG_CONFIG_DIRS || '/etc/xdg').split(':'), '/etc']
  const roots = [XDG_DATA_HOME || join(homedir(), '.local/share'), ...config, ...data, '/usr/local/nvidia/share']
  return [...new Set(roots.filter((root) => root !== '').map((root) => join(root, 'vulkan/icd.d')))]
}

const manifestsIn = (directory: string): readonly string[] => {
  try {
    return readdirSync(directory)
      .filter((name) => name.endsWith('.json'))
      .sort()
      .map((name) => join(directory, name))
  } catch {
    return []
  }
}

/** Drivers installed on this system. */
export function systemDrivers(): DriverSource {
  const what = "the system's drivers"
  if (process.platform !== 'linux') return { what, driver: null, found: `left to ${process.platform}`, command: null }
  const manifests = manifestDirectories().flatMap(manifestsIn)
  if (manifests.length > 0)
    return { what, driver: { name: 'system', manifests, loader: null }, found: manifests.join(', '), command: null }
  return { what, driver: null, found: "no Vulkan driver is installed; a GPU's comes with its maker's package", command: null }
}

const LAVAPIPE = ['lvp_icd.json', 'lib/libvulkan_lvp.so', 'lib/libvulkan.so.1']

/** A driver from an earlier setup may have no list of contents: one is created, and until then the driver is used unchecked. */
const isTaken = (directory: string): boolean =>
  existsSync(join(directory, CONTENTS))
    ? isWhole(directory, LAVAPIPE)
    : adopt(directory, LAVAPIPE) || LAVAPIPE.every((name) => existsSync(join(directory, name)))

/** lavapipe where the setup script unpacked it. */
export function lavapipe(): DriverSource {
  const what = 'lavapipe (Vulkan on the CPU, faster than SwiftShader)'
  const setup = process.platform === 'linux' ? remedies.lavapipe : null
  const directories = cacheDirectories()
    .map((cache) => join(cache, 'lavapipe'))
    .filter((path) => existsSync(path))
  if (directories.length === 0) return { what, driver: null, found: 'not in the cache', command: setup }
  const directory = directories.find(isTaken)
  if (directory === undefined)
    return {
      what,
      driver: null,
      found: `damaged: the checksums of files in ${directories.join(', ')} do not match`,
      command: setup,
    }
  const driver = { name: 'lavapipe', manifests: [join(directory, 'lvp_icd.json')], loader: join(directory, 'lib/libvulkan.so.1') }
  return { what, driver, found: directory, command: null }
}
