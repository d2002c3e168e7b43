/** The software adapters of this machine, by the names they are asked for. */
import { listAdapters, openDevice } from '../../runtime/dawn/index.ts'
import type { Device } from '../../runtime/device.ts'

const wanted = { swiftshader: /swiftshader/i, lavapipe: /llvmpipe/i } as const

/** SwiftShader is everywhere; lavapipe is tested where it was set up. */
export async function softwareDevices(): Promise<readonly string[]> {
  const { adapters } = await listAdapters()
  return Object.entries(wanted).flatMap(([name, pattern]) => (adapters.some((adapter) => pattern.test(adapter.name)) ? [name] : []))
}

export const open = (choose: string): Promise<Device> => openDevice({ choose })
