/** Weights on a device by name, for several sessions: what one replaces, the next reads. */
import { checkedAsync, list, optional, text } from '../plan/arguments.ts'
import { constantValue, dim } from '../plan/dim.ts'
import type { Plan, PlanBuffer, StorageType, WeightPort } from '../plan/plan.ts'
import type { ParameterBucket, BucketMember } from '../plan/update.ts'
import { checkRoom, createParts, settle, type Part, type Parts } from './buffers.ts'
import type { Device } from './device.ts'
import { StateError, StoreError } from './errors.ts'
import { TENSORS } from './forms.ts'
import { bufferBytes, partElements, roundUp } from './memory.ts'
import { writeParts } from './persistent.ts'
import { createKernelCompiler, type KernelCompiler } from './pipelines.ts'
import { readBack } from './read.ts'
import { scoped } from './scopes.ts'
import { createSlots, type Slots } from './slots.ts'
import { dtypeOf, elementCount, showShape, type HostData } from './tensors.ts'
import { createTurns, type Turns } from './turns.ts'

export interface Store {
  readonly device: Device
  /** Every weight there is, in the order in which they came to be; buckets are told by their members. */
  readonly names: () => readonly string[]
  /**
   * Puts values into weights; those that are not there come to be. Throws a StoreError where one has another shape or type, a LimitError
   * where a new one exceeds a binding: a session that names it cuts it into parts.
   */
  readonly write: (tensors: Readonly<Record<string, HostData>>) => Promise<void>
  /** Those named, or all; halves as f32. What was never written is zero. Throws a StoreError where one is not there. */
  readonly read: (names?: readonly string[]) => Promise<Readonly<Record<string, HostData>>>
  /** Frees the weights, also under sessions that are open; may be called again. */
  readonly dispose: () => void
  /** What sessions stand on. */
  readonly ground: StoreGround
}

export interface StoreGround {
  /** The memory of a plan's weights, those that are not there made. Throws a StoreError where one is there in another form. */
  readonly take: (plan: Plan) => Promise<Parts>
  readonly compiler: KernelCompiler
  readonly slots: Slots
  readonly turns: Turns
  /** Why nothing can be done any more; null while it can. */
  readonly ended: () => StateError | null
}

export interface StoreOptions {
  /** Weights that lie one after the other in one memory. A step of a plan must not read one of a bucket and write another. */
  readonly buckets?: readonly ParameterBucket[]
}

interface Entry {
  readonly dtype: StorageType
  readonly shape: readonly number[]
  readonly parts: readonly Part[]
}

type Wanted = Pick<Entry, 'dtype' | 'shape'> & {
  /** Elements of each part. */
  readonly cut: readonly number[]
}

const showType = ({ dtype, shape }: Pick<Entry, 'dtype' | 'shape'>): string => `${dtype}${showShape(shape)}`

function checkEntry(name: string, entry: Entry, wanted: Wanted, who: string): Entry {
  if (showType(entry) !== showType(wanted))
    throw new StoreError(name, `is ${showType(entry)} in the store, ${who} has ${showType(wanted)}`)
  if (entry.parts.map(({ elements }) => elements).join() !== wanted.cut.join()) {
    throw new StoreError(
      name,
      `lies in parts of ${entry.parts.map(({ elements }) => elements).join(', ')} elements in the store, ${who} has them of ${wanted.cut.join(', ')}`,
    )
  }
  return entry
}

const wantedBy = (port: WeightPort, buffer: PlanBuffer): Wanted => ({
  dtype: port.dtype,
  shape: port.shape.map((size) => constantValue(dim(size))!),
  cut: partElements(buffer, {}),
})

const plainBuffer = (name: string, { dtype, shape }: Wanted): PlanBuffer => ({
  id: 0,
  name,
  role: 'weight',
  dtype,
  elements: String(elementCount(shape)),
  partElements: null,
  parts: 1,
})

/** Throws where the device is lost when something is asked of it, not here. */
export function createStore(device: Device, { buckets = [] }: StoreOptions = {}): Store {
  const owned: GPUBuffer[] = []
  const entries = new Map<string, Promise<Entry>>()
  const bucketOf = new Map(buckets.map((bucket) => [bucket.name, bucket]))
  const memberOf = new Map(
    buckets.flatMap((bucket) => bucket.members.map((member) => [member.name, { bucket, member }] as const)),
  )
  const turns = createTurns(device)
  let disposed = false
  const ended = (): StateError | null => (disposed ? new StateError('the store is disposed') : null)

  const remember = (name: string, make: () => Promise<Entry>): Promise<Entry> => {
    const known = entries.get(name)
    if (known !== undefined) return known
    const made = make()
    entries.set(name, made)
    made.catch(() => entries.delete(name))
    return made
  }

  const free = (): void => owned.splice(0).forEach((buffer) => buffer.destroy())

  const create = async (buffer: PlanBuffer, { dtype, shape }: Pick<Entry, 'dtype' | 'shape'>): Promise<Entry> => {
    const parts = await createParts(device, buffer, {}, owned)
    const reason = ended()
    if (reason !== null) {
      // a store disposed in the meantime frees buffers allocated after that
      free()
      throw reason
    }
    return { dtype, shape, parts }
  }

  const bucketEntry = (bucket: ParameterBucket): Promise<Entry> => {
    const whole: Wanted = { dtype: bucket.dtype, shape: [bucket.elements], cut: [bucket.elements] }
    return remember(bucket.name, () => create(plainBuffer(bucket.name, whole), whole))
  }

  const memberEntry = async (bucket: ParameterBucket, { shape, at }: BucketMember): Promise<Entry> => {
    const [{ buffer, offset, bytes }] = (await bucketEntry(bucket)).parts
    const elements = elementCount(shape)
    return {
      dtype: bucket.dtype,
      shape,
      parts: [{ buffer, offset: offset + at * bytes, size: roundUp(elements * bytes), elements, bytes }],
    }
  }

  /** The weight of a name, made as it is wanted where it is not there. */
  const entryFor = async (name: string, wanted: Wanted, buffer: PlanBuffer, who: string): Promise<Entry> => {
    const [bucket, member] = [bucketOf.get(name), memberOf.get(name)]
    const make = (): Promise<Entry> => {
      if (bucket !== undefined) return bucketEntry(bucket)
      return remember(name, () => (member === undefined ? create(buffer, wanted) : memberEntry(member.bucket, member.member)))
    }
    return checkEntry(name, await make(), wanted, who)
  }

  const take = async (plan: Plan): Promise<Parts> => {
    const buffers = new Map(plan.buffers.map((buffer) => [buffer.id, buffer]))
    const absent = plan.weights
      .filter(({ name }) => !entries.has(name) && !memberOf.has(name))
      .map(({ buffer }) => buffers.get(buffer)!)
    checkRoom(
      device,
      `the weights of ${plan.model}`,
      absent.reduce((sum, buffer) => sum + bufferBytes(buffer, {}), 0),
    )
    return new Map(
      await settle(
        plan.weights.map(async (port) => {
          const buffer = buffers.get(port.buffer)!
          return [
            port.buffer,
            (await entryFor(port.name, wantedBy(port, buffer), buffer, `the plan of ${plan.model}`)).parts,
          ] as const
        }),
      ),
    )
  }

  const writeOne = async (name: string, { shape, data }: HostData): Promise<void> => {
    const dtype = dtypeOf(data)
    if (dtype === null || elementCount(shape) !== data.length)
      throw new StoreError(name, `${data.length} values of ${dtype ?? 'no known class'} were given for ${showShape(shape)}`)
    const known = await entries.get(name)
    const wanted = { dtype, shape, cut: known?.parts.map(({ elements }) => elements) ?? [data.length] }
    const { parts } =
      known === undefined
        ? await entryFor(name, wanted, plainBuffer(name, wanted), 'what is written')
        : checkEntry(name, known, wanted, 'what is written')
    await scoped(device, `writing ${name}`, () => writeParts(device, parts, data))
  }

  const names = (): readonly string[] => [
    ...new Set([...entries.keys()].flatMap((name) => bucketOf.get(name)?.members.map((member) => member.name) ?? [name])),
  ]

  const readable = async (name: string): Promise<Entry & { readonly name: string }> => {
    const [entry, member] = [await entries.get(name), memberOf.get(name)]
    if (entry !== undefined) return { name, ...entry }
    if (member === undefined)
      throw new StoreError(name, `is not in the store; it has ${names().slice(0, 8).join(', ') || 'none'}`)
    return { name, ...(await remember(name, () => memberEntry(member.bucket, member.member))) }
  }

  return {
    device,
    names,
    write: checkedAsync('write', { tensors: TENSORS }, (tensors: Readonly<Record<string, HostData>>) =>
      turns(async () => {
        for (const [name, data] of Object.entries(tensors)) await writeOne(name, data)
        await device.wait(device.gpu.queue.onSubmittedWorkDone())
      }, ended),
    ),
    read: checkedAsync('read', { names: optional(list(text)) }, (wanted?: readonly string[]) =>
      turns(async () => readBack(device, await settle((wanted ?? names()).map(readable))), ended),
    ),
    dispose: () => {
      disposed = true
      free()
    },
    ground: { take, compiler: createKernelCompiler(device), slots: createSlots(device), turns, ended },
  }
}
