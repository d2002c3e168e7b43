/** `train --teacher MODEL`: a second model on the same device, whose logits a student learns from. */
import { crc32c } from '../../plan/crc32c.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import type { Device } from '../../runtime/device.ts'
import type { HostData } from '../../runtime/tensors.ts'
import type { Teacher } from '../../training/teacher.ts'
import { withLoaded, type Loaded } from '../model/open.ts'
import { sequenceShape, type TextPorts } from '../../plan/text-ports.ts'
import { textPorts } from '../model/ports.ts'
import { isCheckpoint } from '../model/source.ts'
import { openWeights } from '../run/weights.ts'
import { EXIT, Failure } from '../exit.ts'
import type { Terminal } from '../terminal.ts'

export interface TeacherOptions {
  readonly teacher?: string
  readonly teacherWeights?: string
}

/** Bytes of each tensor that identify a checkpoint beside names, types and shapes. */
const SAMPLE = 4096

/** Differs between checkpoints whose tensors differ in their first bytes; reads little of large ones. */
export async function fingerprintOf(checkpoint: Checkpoint): Promise<string> {
  const encoder = new TextEncoder()
  let sum = 0
  for (const { name, dtype, shape, bytes } of [...checkpoint.tensors.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    sum = crc32c(encoder.encode(`${name} ${dtype} [${shape.join()}] ${bytes}`), sum)
    sum = crc32c(await checkpoint.read(name, 0, Math.min(bytes, SAMPLE)), sum)
  }
  return sum.toString(16).padStart(8, '0')
}

async function fingerprintAt(path: string, terminal: Terminal): Promise<string> {
  const { checkpoint } = await openWeights(path, { ...terminal, err: () => {} })
  try {
    return await fingerprintOf(checkpoint)
  } finally {
    await checkpoint.close()
  }
}

/** Sequences in one run where the model takes any number; else one after the other. */
function logitsBy({ run }: Loaded, ports: TextPorts): Teacher['logits'] {
  const { tokens: port, logits, vocabulary } = ports
  const one = async (data: Int32Array, shape: readonly number[]): Promise<Float32Array> =>
    Float32Array.from((await run({ [port.name]: { shape, data } }))[logits.name].data as ArrayLike<number>)
  const takesAny = port.shape.length === 2 && Number.isNaN(Number(port.shape[0]))
  return async ({ shape, data }: HostData): Promise<HostData> => {
    const [sequences, length] = shape
    const tokens = data as Int32Array
    if (takesAny) return { shape: [...shape, vocabulary], data: await one(tokens, shape) }
    const all = new Float32Array(tokens.length * vocabulary)
    for (let row = 0; row < sequences; row++) {
      const part = await one(tokens.slice(row * length, (row + 1) * length), sequenceShape(ports, length))
      all.set(part, row * length * vocabulary)
    }
    return { shape: [...shape, vocabulary], data: all }
  }
}

/**
 * Runs the work with the teacher loaded, null where none is asked for, and frees it in any case. Without a device the reference
 * computes. Throws a Failure for what is no language model, and what compiling and loading throw.
 */
export async function withTeacher<T>(
  { teacher: typed, teacherWeights: weights }: TeacherOptions,
  device: Device | null,
  terminal: Terminal,
  work: (teacher: Teacher | null) => Promise<T>,
): Promise<T> {
  if (typed === undefined) return work(null)
  const path = weights ?? (isCheckpoint(typed, terminal) ? typed : null)
  if (path === null)
    throw new Failure(
      EXIT.usage,
      `the teacher '${typed}' is a spec without weights`,
      'say where they are with --teacher-weights PATH',
    )
  const given = { typed, weights, weightsAs: 'shipped', spec: { set: [] }, lower: {} } as const
  const fingerprint = await fingerprintAt(path, terminal)
  return withLoaded(device, terminal, given, textPorts, (loaded) => {
    const ports = textPorts(loaded.compiled.plan)
    return work({ name: typed, fingerprint, vocabulary: ports.vocabulary, logits: logitsBy(loaded, ports) })
  })
}
