/** `train --start spectral`: routers begin as the spectral router of SSMoE, Do et al., 2026, arXiv:2605.30992. */
import { PORTABLE } from '../../plan/target.ts'
import type { Recipe, RecipeWeight } from '../../plan/recipe.ts'
import type { Device } from '../../runtime/device.ts'
import { createSession } from '../../runtime/session.ts'
import type { HostData } from '../../runtime/tensors.ts'
import type { GivenWeights } from '../../training/initialise.ts'
import type { State } from '../../training/machine.ts'
import { compileSource } from '../compilation.ts'
import { EXIT, Failure } from '../exit.ts'
import { runReference } from '../run/reference.ts'
import type { Terminal } from '../terminal.ts'

/** Singular vectors of each matrix, at most all: `c` of the policy `spectral`. */
const VECTORS = 50

/** The matrices of an expert, and the side on which its input is. */
const FORMS = [
  { gate: 'gate', up: 'up', down: 'down.T' },
  { up: 'up', down: 'down.T' },
] as const

interface Layer {
  readonly path: string
  readonly router: RecipeWeight
  /** By the name of the matrix, [E, F, D] or [E, D, F]. */
  readonly matrices: Readonly<Record<string, RecipeWeight>>
  readonly form: Readonly<Record<string, string>>
}

function layerOf({ weights }: Recipe, layer: string): Layer {
  const path = layer.replaceAll('/', '.')
  const own = weights.filter(({ name, shape }) => name.startsWith(`${path}.experts.`) && shape.length === 3)
  const matrices = Object.fromEntries(own.map((weight) => [weight.name.slice(`${path}.experts.`.length), weight]))
  const form = FORMS.find((one) => Object.keys(one).sort().join() === Object.keys(matrices).sort().join())
  const router = weights.find(({ name }) => name === `${path}.router.gate`)
  if (form !== undefined && router !== undefined) return { path, router, matrices, form }
  throw new Failure(
    EXIT.usage,
    `${path} has no spectral router: its weights are ${[...own, ...(router === undefined ? [] : [router])].map(({ name }) => name).join(', ') || 'none'}`,
    `it is made of ${path}.router.gate and of experts.gate, up and down, or up and down; --start old begins with the rows as they are`,
  )
}

const typeOf = ({ shape }: RecipeWeight): string => `f32[${shape.join(', ')}]`

/** The rows of W_EV as a program of the expert's matrices and the router's rows. */
function programOf({ router, matrices, form }: Layer): string {
  const sides = Object.entries(form).map(([, side]) => `likest(svd_right(${side}), router, ${VECTORS})`)
  return [
    'import { likest } from "std/policies/spectral"',
    'model spectral_start() {',
    `  input router: ${typeOf(router)}`,
    ...Object.keys(form).map((name) => `  input ${name}: ${typeOf(matrices[name])}`),
    `  output rows: ${typeOf(router)} = (${sides.join(' + ')}) / ${sides.length}.0`,
    '}',
    '',
  ].join('\n')
}

async function evaluate(
  text: string,
  inputs: Readonly<Record<string, HostData>>,
  device: Device | null,
  terminal: Terminal,
): Promise<ArrayLike<number>> {
  const compiled = compileSource({ path: 'spectral_start.smoe', text }, { set: [] }, device?.target ?? PORTABLE, terminal)
  if (device === null) return runReference(compiled.graph!, inputs, {}).rows.data as ArrayLike<number>
  const session = await createSession(device, compiled.plan)
  try {
    return (await session.run(inputs)).rows.data
  } finally {
    session.dispose()
  }
}

/** Rows with the norms of others, [E, D]: the scale of the logits stays. Rows without a direction stay 0. */
export function withNormsOf(rows: ArrayLike<number>, others: ArrayLike<number>, width: number): Float32Array {
  const norm = (values: ArrayLike<number>, row: number): number => {
    let sum = 0
    for (let at = row * width; at < (row + 1) * width; at++) sum += values[at] ** 2
    return Math.sqrt(sum)
  }
  const factors = Array.from({ length: rows.length / width }, (_, row) => norm(others, row) / (norm(rows, row) || 1))
  return Float32Array.from(rows, (value, at) => value * factors[Math.floor(at / width)])
}

const asF32 = ({ shape, data }: State[string]): HostData => ({ shape, data: Float32Array.from(data as ArrayLike<number>) })

/**
 * The given weights with the rows of each router replaced: the direction is that of W_EV, the norm that of the row before.
 * Without a device the reference computes. Throws a Failure for experts or routers of another form, and for weights that are not
 * given.
 */
export async function spectralStart(
  { name: source, values }: GivenWeights,
  recipe: Recipe,
  device: Device | null,
  terminal: Terminal,
): Promise<GivenWeights> {
  const started: Record<string, State[string]> = {}
  for (const { layer } of recipe.layers) {
    const found = layerOf(recipe, layer)
    const needed = { router: found.router, ...found.matrices }
    const missing = Object.values(needed).find(({ name }) => !Object.hasOwn(values, name))
    if (missing !== undefined)
      throw new Failure(
        EXIT.usage,
        `${source} has no ${missing.name}`,
        'a spectral router is made of the experts of a checkpoint',
      )
    const inputs = Object.fromEntries(Object.entries(needed).map(([input, { name }]) => [input, asF32(values[name])]))
    const rows = await evaluate(programOf(found), inputs, device, terminal)
    const { name, shape } = found.router
    started[name] = { shape, data: withNormsOf(rows, inputs.router.data, shape[1]) }
  }
  return { name: source, values: { ...values, ...started } }
}
