/** The tokens on which the routers are compared: from a file, or drawn from a seed. */
import { evaluate, symbolsOf, dim } from '../../plan/dim.ts'
import type { InputPort, Plan } from '../../plan/plan.ts'
import type { Inputs } from '../../runtime/dims.ts'
import { elementCount, type HostData } from '../../runtime/tensors.ts'
import type { Compiled } from '../compilation.ts'
import { createRandom, normal } from '../random.ts'
import { EXIT, Failure } from '../exit.ts'
import { readInputs } from '../run/inputs.ts'
import type { TextReading } from '../run/text.ts'
import type { Terminal } from '../terminal.ts'

/** Tokens drawn where none are given: so many, in sequences of at most so many. */
const TOKENS = 256
const LENGTH = 64

/** Symbolic sizes: all but the last stand for a batch, the last for a length. */
function sizesOf({ inputs }: Plan): Readonly<Record<string, number>> {
  const names = [...new Set(inputs.flatMap(({ shape }) => shape.flatMap((size) => symbolsOf(dim(size)))))]
  const length = names.length > 1 ? LENGTH : TOKENS
  return Object.fromEntries(names.map((name, at) => [name, at === names.length - 1 ? length : at === 0 ? TOKENS / LENGTH : 1]))
}

function draw(port: InputPort, sizes: Readonly<Record<string, number>>, random: () => number): HostData {
  const shape = port.shape.map((size) => evaluate(size, sizes))
  const length = elementCount(shape)
  if (port.dtype === 'f32') return { shape, data: Float32Array.from({ length }, () => normal(random, 1)) }
  const below = port.below === undefined ? null : evaluate(port.below, sizes)
  if (below === null)
    throw new Failure(
      EXIT.usage,
      `what the input ${port.name} may hold is not known`,
      'give it with --calibrate FILE.safetensors:TENSOR',
    )
  return { shape, data: Int32Array.from({ length }, () => Math.floor(random() * below)) }
}

/** `FILE.safetensors:TENSOR` for the first input, or all inputs at random. Throws a Failure for what does not fit. */
export async function readCalibration(
  { plan, graph }: Compiled,
  given: string | undefined,
  seed: number,
  read: TextReading,
  terminal: Terminal,
): Promise<Inputs> {
  if (given !== undefined) return readInputs({ signature: plan, graph, read }, [`${plan.inputs[0].name}=${given}`], terminal)
  const [random, sizes] = [createRandom(seed), sizesOf(plan)]
  return Object.fromEntries(plan.inputs.map((port) => [port.name, draw(port, sizes, random)]))
}
