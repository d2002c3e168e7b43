/**
 * `npm run demo`: a routed model, drawn at once by the processor: which expert took which tokens. Then the same spec as WGSL
 * kernels on the best adapter of this machine, with the time of each kernel on both, and the largest difference.
 */
import { readFileSync } from 'node:fs'
import { randomCheckpoint } from '../cli/bench/random.ts'
import { createLoader } from '../cli/load.ts'
import { fastestProfile, kernelTimes, profileTable } from '../cli/run/profile.ts'
import { compareTensors } from '../cli/run/compare.ts'
import { processTerminal } from '../cli/terminal.ts'
import { compile } from '../compiler/compile.ts'
import { LANGUAGE, type Plan, type PlanTarget } from '../plan/plan.ts'
import type { Target } from '../plan/target.ts'
import type { Device } from '../runtime/device.ts'
import { NoAdapterError } from '../runtime/errors.ts'
import { openDevice } from '../runtime/node/index.ts'
import { createSession, type Profile, type Session } from '../runtime/session.ts'
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

const letters = [...TEXT]
const INPUTS = { tokens: { shape: [1, letters.length], data: Int32Array.from(letters, idOf) } }

const write = (text: string): void => void process.stdout.write(text)

async function openLoaded(device: Device): Promise<Session> {
  const session = await createSession(device, compileSpec(device.target))
  await session.loadWeights(randomCheckpoint(session.plan, SEED))
  return session
}

/** Opens a device for this target, and hands over its session. */
async function onDevice<T>(runs: PlanTarget, work: (session: Session) => Promise<T>): Promise<T> {
  const device = await openDevice({ runs })
  try {
    return await work(await openLoaded(device))
  } finally {
    device.dispose()
  }
}

const kernelTable = ({ device, plan }: Session, { dispatches }: Profile): string =>
  `${LANGUAGE[plan.target]} on ${device.choice.name}\n${profileTable(kernelTimes(dispatches))}\n`

/** The picture as soon as there is one, then the times of warm kernels. */
async function draw(session: Session): Promise<Profile> {
  const routes = routesOf(await session.profile(INPUTS), letters)
  write(`${drawRoutes(routes)}\n${drawLoads(routes)}\n`)
  write(`drawn ${(performance.now() / 1000).toFixed(2)} s after the start, by ${session.device.choice.name}\n\n`)
  const profile = await fastestProfile(session, INPUTS, 20)
  write(kernelTable(session, profile))
  return profile
}

async function repeat(session: Session, { outputs: { logits } }: Profile): Promise<void> {
  const profile = await fastestProfile(session, INPUTS)
  const { choice } = session.device
  write(`${kernelTable(session, profile)}taken because ${choice.reason}\n\n`)
  const { largest, relativeL2, argmax } = compareTensors('logits', profile.outputs.logits, logits)
  write(
    `logits of both: the largest difference is ${largest.toExponential(1)}, the relative L2 error ${relativeL2.toExponential(1)}; `,
  )
  write(`the same letter comes next after ${argmax!.equal} of ${argmax!.rows}\n`)
}

async function demonstrate(): Promise<void> {
  write(`${SPEC}: ${SIZES.E} experts, ${SIZES.k} answer each token; random weights of seed ${SEED}\n\n`)
  const drawn = await onDevice('cpu', draw)
  await onDevice('webgpu', (session) => repeat(session, drawn))
}

try {
  await demonstrate()
} catch (problem) {
  if (!(problem instanceof NoAdapterError)) throw problem
  process.stderr.write(`${problem.message}\n`)
  process.exitCode = 3
}
