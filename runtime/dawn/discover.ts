/** Finds the adapters of this machine through Dawn. The only file that imports `webgpu`. */

import { tmpdir } from 'node:os'
import { delimiter } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import type * as WebGpu from 'webgpu'
import { messageOf } from '../device.ts'
import type { Attempt } from '../errors.ts'
import { givenDrivers, lavapipe, MANIFEST_VARIABLES, systemDrivers, type Driver, type DriverSource } from './driver.ts'
import { loadVulkan } from './loader.ts'
import { quietly } from './quiet.ts'
import { DAWN, remedies } from './remedies.ts'
import { swiftShader } from './swiftshader.ts'

type Dawn = typeof WebGpu

/** Drivers that are looked at together; the next stage only where this one does not have what is asked for. */
export interface Stage {
  /** As Dawn names them, in its order. */
  readonly adapterNames: readonly string[]
  readonly request: (name: string) => Promise<GPUAdapter | null>
}

export interface Discovery {
  readonly stages: () => AsyncGenerator<Stage>
  readonly attempts: readonly Attempt[]
}

const KEPT = Symbol.for('smoe.dawn.instances')

/** Dawn calls into what `create` returned for as long as a device of it lives, so these are never let go. */
const keeper = globalThis as { [KEPT]?: GPU[] }
const instances = (keeper[KEPT] ??= [])

/** Clocks are made coarse (65 us) against spying pages, which are not here. */
const FLAGS = ['disable-dawn-features=timestamp_quantization']

function createInstance(dawn: Dawn, flags: readonly string[]): GPU {
  const gpu = dawn.create([...FLAGS, ...flags])
  instances.push(gpu)
  return gpu
}

/** The names of all adapters: Dawn lists them when asked for one that cannot be. */
async function listNames(dawn: Dawn): Promise<readonly string[]> {
  try {
    await quietly(() => createInstance(dawn, ['adapter=\u0001']).requestAdapter())
    return []
  } catch (error) {
    const names = [...messageOf(error).matchAll(/^ \* backend: '(.*?)', name: '(.*)'$/gm)]
    return [...new Set(names.filter(([, backend]) => backend !== 'null').map(([, , name]) => name))]
  }
}

function useManifests(manifests: readonly string[] | null): void {
  if (manifests === null) return
  for (const name of MANIFEST_VARIABLES) delete process.env[name]
  process.env.VK_ICD_FILENAMES = manifests.join(delimiter)
}

async function openStage(dawn: Dawn, manifests: readonly string[] | null): Promise<Stage> {
  useManifests(manifests)
  const byName = new Map<string, GPU>()
  // an adapter opens one device in its life, so each request asks its instance anew
  const request = (name: string): Promise<GPUAdapter | null> => {
    useManifests(manifests)
    const gpu = byName.get(name) ?? createInstance(dawn, [`adapter=${name}`])
    byName.set(name, gpu)
    return quietly(() => gpu.requestAdapter({ powerPreference: 'high-performance' })).catch(() => null)
  }
  return { adapterNames: await listNames(dawn), request }
}

const manifestsOf = (drivers: readonly (Driver | null)[]): readonly string[] => [
  ...new Set(drivers.flatMap((driver) => driver?.manifests ?? [])),
]

const attempt = ({ what, found, command, driver }: DriverSource): Attempt => ({
  what,
  found,
  command: driver === null ? command : null,
})

async function importDawn(): Promise<Dawn | Attempt> {
  try {
    return await import('webgpu')
  } catch (error) {
    const missing = (error as { code?: string }).code === 'ERR_MODULE_NOT_FOUND'
    return { what: DAWN, found: missing ? 'not installed' : messageOf(error), command: remedies.dawn }
  }
}

function loaderAttempt(drivers: readonly (Driver | null)[]): Attempt {
  const { loaded, problems } = loadVulkan(drivers.flatMap((driver) => driver?.loader ?? []))
  const what = 'the Vulkan loader (libvulkan.so.1)'
  if (loaded !== null) return { what, found: loaded, command: null }
  return { what, found: problems.length === 0 ? 'not found' : problems.join('; '), command: remedies.loader }
}

async function search(): Promise<Discovery> {
  const dawn = await importDawn()
  // without a GPU both are needed: naming only one would send the user back a second time
  if ('what' in dawn) return { stages: async function* () {}, attempts: [dawn, attempt(systemDrivers()), attempt(swiftShader())] }
  Object.assign(globalThis, dawn.globals)
  // Mesa complains where it is not set, and uses it for nothing here
  if (process.platform === 'linux') process.env.XDG_RUNTIME_DIR ??= tmpdir()
  const [given, system, ...own] = [givenDrivers(), systemDrivers(), lavapipe(), swiftShader()]
  const ownDrivers = own.map(({ driver }) => driver)
  const attempts = [given, system, ...own].map(attempt)
  if (process.platform === 'linux') attempts.push(loaderAttempt(ownDrivers))
  if (!isMainThread)
    attempts.push({
      what: 'this thread',
      found: 'a worker, whose environment the loader does not read: open devices in the main thread',
      command: null,
    })
  const plans = stagePlans(given.driver, [system.driver, ...ownDrivers])
  const opened: Promise<Stage>[] = []
  const stages = async function* (): AsyncGenerator<Stage> {
    for (const [at, manifests] of plans.entries()) yield await (opened[at] ??= openStage(dawn, manifests))
  }
  return { attempts, stages }
}

/** What the user names in the environment is looked at by itself first. */
function stagePlans(given: Driver | null, others: readonly (Driver | null)[]): readonly (readonly string[] | null)[] {
  if (process.platform !== 'linux') return [null]
  return given === null ? [manifestsOf(others)] : [given.manifests, manifestsOf([given, ...others])]
}

let discovery: Promise<Discovery> | undefined

/** Looks once a process: the loader and the environment it reads are the process's own. */
export const discover = (): Promise<Discovery> => (discovery ??= search())
