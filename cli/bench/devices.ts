/** The devices that take turns, by the names that were asked for. */
import type { Device } from '../../runtime/device.ts'
import { mayBeCpu, openChosen, type DeviceOptions } from '../device.ts'
import { EXIT, Failure } from '../exit.ts'
import type { Terminal } from '../terminal.ts'

export interface NamedDevice {
  readonly name: string
  /** What the device is: the name of its adapter. */
  readonly detail: string
  readonly device: Device
}

export interface DevicesOptions extends Omit<DeviceOptions, 'device'> {
  /** Several separated by commas. */
  readonly device: string
}

/** The names in a list. Throws a Failure for an empty name, and for one that is there twice. */
export function deviceNames(list: string): readonly string[] {
  const names = list.split(',').map((name) => name.trim())
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (names.includes('')) throw new Failure(EXIT.usage, `'${list}' has an empty name`, 'write names with a comma between them')
  if (twice !== undefined) throw new Failure(EXIT.usage, `'${list}' has ${twice} twice`)
  return names
}

/**
 * Runs with all devices open and disposes them. Options of the cpu device are for those of the names that it may be; throws as
 * `openChosen` does.
 */
export async function withDevices<T>(
  { device: list, ...options }: DevicesOptions,
  terminal: Terminal,
  run: (devices: readonly NamedDevice[]) => Promise<T>,
): Promise<T> {
  const names = deviceNames(list)
  const isAlone = !names.some(mayBeCpu)
  const devices: NamedDevice[] = []
  try {
    for (const name of names) {
      const device = await openChosen(mayBeCpu(name) || isAlone ? { ...options, device: name } : { device: name }, terminal)
      devices.push({ name, detail: device.choice.name, device })
    }
    return await run(devices)
  } finally {
    for (const { device } of devices) device.dispose()
  }
}
