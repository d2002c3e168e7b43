/** Whether the machine may have a GPU, found without loading a driver. */
import { existsSync, readdirSync } from 'node:fs'

/** Files of Linux that a GPU's kernel driver makes: DRM render nodes, NVIDIA's own, and that of WSL. */
function linuxHasGpu(devices: string): boolean {
  if (existsSync(`${devices}/nvidia0`) || existsSync(`${devices}/dxg`)) return true
  try {
    return readdirSync(`${devices}/dri`).some((name) => name.startsWith('renderD'))
  } catch {
    return false
  }
}

/** False where there is certainly none; other systems than Linux nearly always have one. */
export const mayHaveGpu = (platform: NodeJS.Platform = process.platform, devices = '/dev'): boolean =>
  platform !== 'linux' || linuxHasGpu(devices)
