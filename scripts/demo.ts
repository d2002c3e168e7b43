/** `npm run demo`: a routed model on an adapter of this machine; which expert took which tokens, and the time of each kernel. */
import { readFileSync } from 'node:fs'
import { randomCheckpoint } from '../cli/bench/random.ts'
import { createLoader } from '../cli/load.ts'
import { fastestProfile, kernelTimes, profileTable } from '../cli/run/profile.ts'
import { processTerminal } from '../cli/terminal.ts'
import { compile } from '../compiler/compile.ts'
import type { Plan } from '../plan/plan.ts'
import type { Target } from '../plan/target.ts'
import { openDevice } from '../runtime/dawn/index.ts'
import { NoAdapterError } from '../runtime/errors.ts'
import { createSession, type Profile } from '../runtime/session.ts'
import { drawLoads, drawRoutes, type Routes } from './demo/draw.ts'

const SPEC = 'examples/01-first-routed-layer.smoe'
const TEXT = 'few experts answer each token'
const SEED = 7
const SIZES = { V: 32, D: 64, F: 128, E: 8, k: 2 }

/** Letters by their place in the alphabet, all else is 0: the model has 32 ids. */
const idOf = (letter: string): number => (/[a-z]/.test(letter) ? letter.charCodeAt(0) - 96 : 0)

function compileSpec(target: Target): Plan {
  const source = { path: SPEC, text: readFileSync(SPEC, 'utf8') }
  const { plan, diagnostics } = compile(source, { load: createLoader(processTerminal()), set: SIZES, target, routes: true })
  if (plan === null) throw new Error(diagnostics.map(({ message }) => message).join('\n'))
  return plan
}

function routesOf({ outputs }: Profile, letters: readonly string[]): Routes {
  const [selected, weights] = [outputs['moe.selected'], outputs['moe.weights']]
  const rows = (data: ArrayLike<number>): number[][] =>
    letters.map((_, token) => Array.from({ length: SIZES.k }, (_, place) => data[token * SIZES.k + place]))
  const tokens = letters.map((letter) => (letter === ' ' ? '␣' : letter))
  return { tokens, experts: SIZES.E, selected: rows(selected.data), weights: rows(weights.data) }
}

async function demonstrate(): Promise<void> {
  const device = await openDevice({ choose: 'auto' })
  const write = (text: string): void => void process.stdout.write(text)
  try {
    write(`${SPEC}: ${SIZES.E} experts, ${SIZES.k} answer each token; random weights of seed ${SEED}\n`)
    write(`adapter: ${device.choice.name} (${device.choice.reason})\n\n`)
    const session = await createSession(device, compileSpec(device.target))
    await session.loadWeights(randomCheckpoint(session.plan, SEED))
    const letters = [...TEXT]
    const inputs = { tokens: { shape: [1, letters.length], data: Int32Array.from(letters, idOf) } }
    const profile = await fastestProfile(session, inputs)
    const routes = routesOf(profile, letters)
    write(`${drawRoutes(routes)}\n${drawLoads(routes)}\n${profileTable(kernelTimes(profile.dispatches))}`)
    session.dispose()
  } finally {
    device.dispose()
  }
}

try {
  await demonstrate()
} catch (problem) {
  if (!(problem instanceof NoAdapterError)) throw problem
  process.stderr.write(`${problem.message}\n`)
  process.exitCode = 3
}
