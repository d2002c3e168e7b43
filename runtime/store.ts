/**
 * A store: named weights on a device that several sessions share. An update by one session is visible to the next run of any
 * other.
 */
import { callable, checkedAsync, list, object, optional, text } from '../plan/arguments.ts'
import { constantValue, dim } from '../plan/dim.ts'
import type { Plan, PlanBuffer, StorageType, WeightPort } from '../plan/plan.ts'
import { storageIn, storageText, type WeightStorage } from '../plan/storage/formats.ts'
import type { ParameterBucket, BucketMember } from '../plan/update.ts'
import { checkAvailableMemory, createParts, type Parts } from './buffers.ts'
import type { Device, DeviceBuffer, Part } from './device.ts'
import { formatBytes, StateError, StoreError } from './errors.ts'
import { TENSORS } from './forms.ts'
import { bufferBytes, partElements, roundUp, shortWeights } from './memory.ts'
import { writeShorts, writeParts } from './persistent.ts'
import { createKernelCompiler, type KernelCompiler } from './kernel-cache.ts'
import { readBack } from './read.ts'
import { settleAll } from './settle-all.ts'
import { createSlots, type Slots } from './slots.ts'
import { encodeElements, type Converted } from './weights/convert.ts'
import { dtypeOf, elementCount, showShape, type HostData } from './tensors.ts'
import { createQueueLock, type QueueLock } from './queue-lock.ts'

export interface Store {
  readonly device: Device
  /** Names of all weights in order of creation; a bucket is listed as its members. */
  readonly names: () => readonly string[]
  /**
   * Writes weights, f32 or integers; those that the store lacks are created, stored as `formats` say by their names, rounded to
   * what these hold, else as they are. Throws a StoreError for another shape or dtype, and a LimitError for
   * a new weight above the binding limit, which only a session can create, in parts.
   */
  readonly write: (tensors: Readonly<Record<string, HostData>>, formats?: ReadonlyMap<string, Converted>) => Promise<void>
  /**
   * Reads the named weights, or all, as f32 or integers, whatever they are stored as. A weight that was never written is zero.
   * Throws a StoreError for an unknown name.
   */
  readonly read: (names?: readonly string[]) => Promise<Readonly<Record<string, HostData>>>
  /** Frees the weights, also those of open sessions. Further calls do nothing. */
  readonly dispose: () => void
  /** What the sessions of the store share. */
  readonly resources: StoreResources
}

export interface StoreResources {
  /** The buffers of a plan's weights; missing ones are created. Throws a StoreError if one has another shape, dtype or layout. */
  readonly allocate: (plan: Plan) => Promise<Parts>
  readonly compiler: KernelCompiler
  readonly slots: Slots
  readonly lock: QueueLock
  /** The error for calls after dispose; null before. */
  readonly disposedError: () => StateError | null
}

export interface StoreOptions {
  /** Flat parameter buckets: weights in one buffer. No dispatch may read one member of a bucket and write another. */
  readonly buckets?: readonly ParameterBucket[]
}

interface StoredWeight {
  readonly dtype: StorageType
  readonly storage?: WeightStorage
  readonly shape: readonly number[]
  readonly parts: readonly Part[]
}

type WeightLayout = Pick<StoredWeight, 'dtype' | 'shape' | 'storage'> & {
  /** Elements of each part, for weights above the binding limit. */
  readonly partElements: readonly number[]
}

const showType = ({ dtype, shape, storage }: Pick<StoredWeight, 'dtype' | 'shape' | 'storage'>): string =>
  `${dtype}${showShape(shape)}${storage === undefined ? '' : ` as ${storageText(storage)}`}`

function checkEntry(name: string, entry: StoredWeight, layout: WeightLayout, user: string): StoredWeight {
  if (showType(entry) !== showType(layout))
    throw new StoreError(name, `is ${showType(entry)} in the store, ${user} has ${showType(layout)}`)
  if (entry.parts.map(({ elements }) => elements).join() !== layout.partElements.join()) {
    throw new StoreError(
      name,
      `has parts of ${entry.parts.map(({ elements }) => elements).join(', ')} elements in the store, ${user} has parts of ${layout.partElements.join(', ')}`,
    )
  }
  return entry
}

const layoutOf = (port: WeightPort, buffer: PlanBuffer): WeightLayout => ({
  dtype: port.dtype,
  storage: port.storage,
  shape: port.shape.map((size) => constantValue(dim(size))!),
  partElements: partElements(buffer, {}),
})

/** What a plan needs memory for. */
const contentsOf = ({ model, state }: Plan): string =>
  state === undefined ? `the weights of ${model}` : `the weights of ${model}, and what it keeps of ${state.longest} positions`

/** `; stored as bf16 they take 2.5 GiB`; empty where they cannot be stored in less. */
function shorterText(plan: Plan, buffers: readonly PlanBuffer[]): string {
  const shorter = shortWeights(plan, buffers)
  return shorter === null ? '' : `; stored as ${shorter.format} they take ${formatBytes(shorter.bytes)}`
}

const plainBuffer = (name: string, { dtype, shape, storage }: Pick<WeightLayout, 'dtype' | 'shape' | 'storage'>): PlanBuffer => ({
  id: 0,
  name,
  role: 'weight',
  dtype,
  ...(storage === undefined ? {} : { storage }),
  elements: String(elementCount(shape)),
  partElements: null,
  parts: 1,
})

/** Creates a store. A lost device is reported by the methods of the store, not here. */
export function createStore(device: Device, { buckets = [] }: StoreOptions = {}): Store {
  const owned: DeviceBuffer[] = []
  const entries = new Map<string, Promise<StoredWeight>>()
  const bucketOf = new Map(buckets.map((bucket) => [bucket.name, bucket]))
  const memberOf = new Map(
    buckets.flatMap((bucket) => bucket.members.map((member) => [member.name, { bucket, member }] as const)),
  )
  const lock = createQueueLock(device)
  let disposed = false
  const disposedError = (): StateError | null => (disposed ? new StateError('the store is disposed') : null)

  const createOnce = (name: string, make: () => Promise<StoredWeight>): Promise<StoredWeight> => {
    const known = entries.get(name)
    if (known !== undefined) return known
    const made = make()
    entries.set(name, made)
    made.catch(() => entries.delete(name))
    return made
  }

  const free = (): void => owned.splice(0).forEach((buffer) => buffer.destroy())

  const create = async (buffer: PlanBuffer, { dtype, shape }: Pick<WeightLayout, 'dtype' | 'shape'>): Promise<StoredWeight> => {
    const parts = await createParts(device, buffer, {}, owned)
    const reason = disposedError()
    if (reason !== null) {
      // the store was disposed during the allocation
      free()
      throw reason
    }
    return { dtype, storage: buffer.storage, shape, parts }
  }

  const bucketEntry = (bucket: ParameterBucket): Promise<StoredWeight> => {
    const whole: WeightLayout = { dtype: bucket.dtype, shape: [bucket.elements], partElements: [bucket.elements] }
    return createOnce(bucket.name, () => create(plainBuffer(bucket.name, whole), whole))
  }

  const memberEntry = async (bucket: ParameterBucket, { shape, at }: BucketMember): Promise<StoredWeight> => {
    const [{ buffer, offset, bytes }] = (await bucketEntry(bucket)).parts
    const elements = elementCount(shape)
    return {
      dtype: bucket.dtype,
      shape,
      parts: [
        { buffer, offset: offset + at * bytes, size: roundUp(elements * bytes), elements, contents: elements * bytes, bytes },
      ],
    }
  }

  /** The weight of this name, created with this layout if it is missing. */
  const entryFor = async (name: string, layout: WeightLayout, buffer: PlanBuffer, user: string): Promise<StoredWeight> => {
    const [bucket, member] = [bucketOf.get(name), memberOf.get(name)]
    const make = (): Promise<StoredWeight> => {
      if (bucket !== undefined) return bucketEntry(bucket)
      return createOnce(name, () => (member === undefined ? create(buffer, layout) : memberEntry(member.bucket, member.member)))
    }
    return checkEntry(name, await make(), layout, user)
  }

  const allocate = async (plan: Plan): Promise<Parts> => {
    const buffers = new Map(plan.buffers.map((buffer) => [buffer.id, buffer]))
    const absent = plan.weights
      .filter(({ name }) => !entries.has(name) && !memberOf.has(name))
      .map(({ buffer }) => buffers.get(buffer)!)
    const wanted = absent.reduce((sum, buffer) => sum + bufferBytes(buffer, {}), 0)
    checkAvailableMemory(device, contentsOf(plan), wanted, shorterText(plan, absent))
    return new Map(
      await settleAll(
        plan.weights.map(async (port) => {
          const buffer = buffers.get(port.buffer)!
          return [
            port.buffer,
            (await entryFor(port.name, layoutOf(port, buffer), buffer, `the plan of ${plan.model}`)).parts,
          ] as const
        }),
      ),
    )
  }

  const writeOne = async (name: string, { shape, data }: HostData, format: Converted | undefined): Promise<void> => {
    const dtype = dtypeOf(data)
    if (dtype === null || elementCount(shape) !== data.length)
      throw new StoreError(name, `${showShape(shape)} does not fit ${data.length} values of ${dtype ?? 'an unknown class'}`)
    const known = await entries.get(name)
    const storage = format === undefined ? {} : { storage: storageIn(format, shape.at(-1) ?? 1) }
    const layout = { dtype, ...storage, shape, partElements: known?.parts.map(({ elements }) => elements) ?? [data.length] }
    const { parts } =
      known === undefined
        ? await entryFor(name, layout, plainBuffer(name, layout), 'the written tensor')
        : checkEntry(name, known, layout, 'the written tensor')
    await device.guard(`writing ${name}`, () =>
      format === undefined ? writeParts(device, parts, data) : writeShorts(device, parts, encodeElements(format, data)),
    )
  }

  const names = (): readonly string[] => [
    ...new Set([...entries.keys()].flatMap((name) => bucketOf.get(name)?.members.map((member) => member.name) ?? [name])),
  ]

  const readable = async (name: string): Promise<StoredWeight & { readonly name: string }> => {
    const [entry, member] = [await entries.get(name), memberOf.get(name)]
    if (entry !== undefined) return { name, ...entry }
    if (member === undefined)
      throw new StoreError(name, `is not in the store, which has ${names().slice(0, 8).join(', ') || 'no weight'}`)
    return { name, ...(await createOnce(name, () => memberEntry(member.bucket, member.member))) }
  }

  return {
    device,
    names,
    write: checkedAsync(
      'write',
      { tensors: TENSORS, formats: optional(object({ get: callable })) },
      (tensors: Readonly<Record<string, HostData>>, formats?: ReadonlyMap<string, Converted>) =>
        lock(async () => {
          for (const [name, data] of Object.entries(tensors)) await writeOne(name, data, formats?.get(name))
          await device.settle()
        }, disposedError),
    ),
    read: checkedAsync('read', { names: optional(list(text)) }, (layout?: readonly string[]) =>
      lock(async () => readBack(device, await settleAll((layout ?? names()).map(readable))), disposedError),
    ),
    dispose: () => {
      disposed = true
      free()
    },
    resources: {
      allocate: allocate,
      compiler: createKernelCompiler(device),
      slots: createSlots(device),
      lock: lock,
      disposedError: disposedError,
    },
  }
}
