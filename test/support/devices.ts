/** The devices of this machine that need no GPU, by the names they are asked for, and host tensors as they take them. */
import type { HostTensor } from '../../compiler/reference/tensor.ts'
import { listAdapters } from '../../runtime/dawn/index.ts'
import type { Device } from '../../runtime/device.ts'
import { openDevice } from '../../runtime/node/index.ts'
import type { HostData } from '../../runtime/tensors.ts'
import { TEST_RUNS, testRun, type SoftwareAdapter, type SoftwareDevice } from './runs.ts'

const patterns: Readonly<Record<SoftwareAdapter, RegExp>> = { swiftshader: /swiftshader/i, lavapipe: /llvmpipe/i }

/** Those of `wanted` that are here: the cpu device and SwiftShader are everywhere, lavapipe is tested where it was set up. */
async function present(wanted: readonly SoftwareDevice[]): Promise<readonly SoftwareDevice[]> {
  if (wanted.every((name) => name === 'cpu')) return wanted
  const { adapters } = await listAdapters()
  return wanted.filter((name) => name === 'cpu' || adapters.some((adapter) => patterns[name].test(adapter.name)))
}

/** The devices of the run, for tests of what every kind of device does. */
export const softwareDevices = (): Promise<readonly SoftwareDevice[]> => present(TEST_RUNS[testRun].devices)

/** The adapters of the run, for tests of shaders and of the runtime over WebGPU. */
export const softwareAdapters = (): Promise<readonly SoftwareDevice[]> => present(TEST_RUNS[testRun].adapters)

export const open = (choose: string): Promise<Device> => openDevice({ choose })

const arrays = { f32: Float32Array, i32: Int32Array, bool: Uint32Array } as const

const stored = ({ shape, dtype, values }: HostTensor): HostData => ({ shape, data: arrays[dtype].from(values) })

export const storedAll = (tensors: Readonly<Record<string, HostTensor>>): Readonly<Record<string, HostData>> =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, stored(tensor)]))

/** `softwareDevices`, opened; the cpu device with threads enough to divide the work. */
export const openSoftware = async (): Promise<readonly Device[]> =>
  await Promise.all(
    (await softwareDevices()).map((choose) => openDevice({ choose, ...(choose === 'cpu' ? { threads: 2 } : {}) })),
  )

/** The adapters that are wanted, or those of the run, opened. */
export const openAdapters = async (
  wanted: readonly SoftwareAdapter[] = TEST_RUNS[testRun].adapters,
): Promise<readonly Device[]> => await Promise.all((await present(wanted)).map(open))
