/** The devices of this machine that need no GPU, by the names they are asked for, and host tensors as they take them. */
import type { HostTensor } from '../../compiler/reference/tensor.ts'
import { listAdapters, openDevices } from '../../runtime/dawn/index.ts'
import type { Device } from '../../runtime/device.ts'
import { openDevice } from '../../runtime/node/index.ts'
import type { HostData } from '../../runtime/tensors.ts'

const wanted = { swiftshader: /swiftshader/i, lavapipe: /llvmpipe/i } as const

/** The software adapters: SwiftShader is everywhere, lavapipe is tested where it was set up. */
export async function softwareAdapters(): Promise<readonly string[]> {
  const { adapters } = await listAdapters()
  return Object.entries(wanted).flatMap(([name, pattern]) =>
    adapters.some((adapter) => pattern.test(adapter.name)) ? [name] : [],
  )
}

/** The cpu device and the software adapters. */
export const softwareDevices = async (): Promise<readonly string[]> => ['cpu', ...(await softwareAdapters())]

export const open = (choose: string): Promise<Device> => openDevice({ choose })

const arrays = { f32: Float32Array, i32: Int32Array, bool: Uint32Array } as const

const stored = ({ shape, dtype, values }: HostTensor): HostData => ({ shape, data: arrays[dtype].from(values) })

export const storedAll = (tensors: Readonly<Record<string, HostTensor>>): Readonly<Record<string, HostData>> =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, stored(tensor)]))

/** All of them, opened; the cpu device with threads enough to divide the work. */
export const openSoftware = async (): Promise<readonly Device[]> => [
  await openDevice({ choose: 'cpu', threads: 2 }),
  ...(await openDevices({ choose: 'software' })),
]
