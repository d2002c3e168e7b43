/** A turn of smoe on a large checkpoint: it is imported, loaded and run as `smoe run` does it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { planMemory } from '../../../analysis/plan/memory.ts'
import { importModel } from '../../../cli/import/import.ts'
import { std } from '../../../cli/std.ts'
import { compile } from '../../../compiler/compile.ts'
import type { Plan } from '../../../plan/plan.ts'
import type { Target } from '../../../plan/target.ts'
import type { Checkpoint } from '../../../runtime/checkpoint/checkpoint.ts'
import { openCheckpoint } from '../../../runtime/checkpoint/files.ts'
import { readTensor } from '../../../runtime/checkpoint/tensor.ts'
import { createSession, type HostData, type Session } from '../../../runtime/index.ts'
import { openDevice } from '../../../runtime/node/index.ts'
import { formatsIn } from '../../../runtime/weights/formats.ts'
import { best, SEQUENCES, type Measured, type SequenceName, type Times } from './measured.ts'

const THREADS = 2

/** Modules of the library alone, also from one another. */
function load(path: string, from: { readonly path: string }): { readonly path: string; readonly text: string } | null {
  const module = path.startsWith('std/') ? path : join(dirname(from.path), path)
  return Object.hasOwn(std, module) ? { path: `${module}.smoe`, text: std[module] } : null
}

function planOf(folder: string, checkpoint: Checkpoint, target: Target): Plan {
  const imported = importModel(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')))
  if (imported.kind !== 'spec') throw new Error(imported.message)
  const formats = { kind: 'tensors', formats: formatsIn(checkpoint), isByPath: false } as const
  const { plan, diagnostics } = compile({ path: 'm.smoe', text: imported.spec }, { target, load, formats })
  if (plan === null) throw new Error(diagnostics.map(({ message }) => message).join('; '))
  return plan
}

async function timed<T>(work: () => Promise<T>): Promise<readonly [Times, T]> {
  const [start, before] = [performance.now(), process.cpuUsage()]
  const value = await work()
  const { user, system } = process.cpuUsage(before)
  return [{ wall: (performance.now() - start) / 1e3, cpu: (user + system) / 1e6 }, value]
}

/** Times of runs, and the logits after the last token. */
async function timeRuns(session: Session, tokens: HostData, runs: number): Promise<readonly [Times, Float32Array]> {
  const times: Times[] = []
  let last = new Float32Array(0)
  for (let run = 0; run < runs; run++) {
    const [time, { logits }] = await timed(() => session.run({ tokens }))
    times.push(time)
    const width = logits.shape.at(-1)!
    last = (logits.data as Float32Array<ArrayBuffer>).slice(-width)
  }
  return [best(times), last]
}

const peakBytes = (): number => 1024 * Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1])

/** Measures a folder, and writes the logits after the long sequence to a file, f32 [vocabulary]. Throws what loading throws. */
export async function measure(folder: string, runs: number, out: string, isFast: boolean): Promise<Measured> {
  const device = await openDevice({ choose: 'cpu', threads: THREADS, fast: isFast })
  const [checkpoint, inputs] = [await openCheckpoint(folder), await openCheckpoint(join(folder, 'tokens.safetensors'))]
  const free = device.availableMemory()!
  const [loading, session] = await timed(async () => {
    const made = await createSession(device, planOf(folder, checkpoint, device.target))
    await made.loadWeights(checkpoint)
    return made
  })
  const measured: Partial<Record<SequenceName, Times>> = {}
  const run = async (name: SequenceName): Promise<Float32Array> => {
    const { shape, data } = await readTensor(inputs, name)
    const [time, logits] = await timeRuns(session, { shape, data: Int32Array.from(data as Int32Array) }, runs)
    measured[name] = time
    return logits
  }
  writeFileSync(out, await run('input_ids_512'))
  // before runs of another length, whose inputs and outputs are held beside
  const { total } = planMemory(session.plan, { B: 1, S: SEQUENCES.input_ids_512 }, THREADS)
  const memory = { planned: total, allocated: free - device.availableMemory()! }
  await run('input_ids')
  await Promise.all([checkpoint.close(), inputs.close()])
  session.dispose()
  device.dispose()
  return { load: loading, runs: measured as Measured['runs'], peak: peakBytes(), memory }
}
