import { freemem } from 'node:os'
import type { Target } from '../../plan/target.ts'
import type { AdapterChoice, Device } from '../device.ts'
import { describeTarget, isSoftware, openDevice as openAdapter } from '../webgpu/device.ts'
import { NoAdapterError, type Attempt } from '../errors.ts'
import { discover, type Stage } from './discover.ts'
import { napWhilePending } from './wait.ts'

/** `auto`: a GPU, then lavapipe, then SwiftShader; `gpu`, `software`: only such; else a part of the adapter's name. */
export type Choose = 'auto' | 'gpu' | 'software' | (string & {})

export interface OpenOptions {
  readonly choose?: Choose
}

export interface AdapterReport {
  readonly name: string
  readonly driver: string
  readonly software: boolean
  readonly target: Target
  /** All features and limits, also those that smoe does not use. */
  readonly features: readonly string[]
  readonly limits: Readonly<Record<string, number>>
}

export interface MachineReport {
  /** In the order in which `auto` takes them. */
  readonly adapters: readonly AdapterReport[]
  /** Every way to an adapter: what was found and, where something is missing, the command that brings it. */
  readonly attempts: readonly Attempt[]
}

interface Candidate {
  readonly name: string
  readonly adapter: GPUAdapter
  readonly software: boolean
}

/** Software adapters, the faster first. */
const SOFTWARE_NAMES = [/llvmpipe/i, /swiftshader/i, /basic render|warp|softpipe/i]

const rank = (name: string): number => SOFTWARE_NAMES.findIndex((pattern) => pattern.test(name))

const ALIASES: Readonly<Record<string, string>> = { lavapipe: 'llvmpipe' }

function nameFits(name: string, choose: Choose): boolean {
  if (choose === 'auto') return true
  if (choose === 'gpu') return rank(name) < 0
  // an adapter of unknown name may compute on the CPU too
  if (choose === 'software') return true
  const wanted = choose.toLowerCase()
  return name.toLowerCase().includes(ALIASES[wanted] ?? wanted)
}

const kindFits = (software: boolean, choose: Choose): boolean =>
  choose === 'gpu' ? !software : choose === 'software' ? software : true

async function* candidates(stage: Stage, choose: Choose): AsyncGenerator<Candidate> {
  const names = stage.adapterNames.filter((name) => nameFits(name, choose)).sort((a, b) => rank(a) - rank(b))
  const late: Candidate[] = []
  for (const name of names) {
    const adapter = await stage.request(name)
    if (adapter === null) continue
    const candidate = { name, adapter, software: isSoftware(adapter.info) }
    if (!kindFits(candidate.software, choose)) continue
    if (candidate.software && rank(name) < 0) late.push(candidate)
    else yield candidate
  }
  yield* late
}

function reasonFor({ name, software }: Candidate, choose: Choose, attempts: readonly Attempt[]): string {
  if (choose !== 'auto' && choose !== 'software' && choose !== 'gpu') return `its name has '${choose}' in it`
  if (!software) return 'a GPU comes first'
  const noGpu = choose === 'auto' ? 'no GPU was found; ' : ''
  const faster = attempts.find(({ what }) => what.startsWith('lavapipe'))
  if (/swiftshader/i.test(name) && faster?.command)
    return `${noGpu}lavapipe, which is faster, is ${faster.found} (${faster.command})`
  return `${noGpu}it is the fastest software adapter here`
}

/** What a device on the CPU takes, it takes of the host. */
const hostRoom = (): number => process.availableMemory?.() ?? freemem()

async function open(candidate: Candidate, choose: Choose, attempts: readonly Attempt[]): Promise<Device> {
  const { name, adapter } = candidate
  const choice: AdapterChoice = { name, driver: adapter.info.description, reason: reasonFor(candidate, choose, attempts) }
  return openAdapter(adapter, { choice, wait: napWhilePending, availableMemory: candidate.software ? hostRoom : () => null })
}

function refuse(choose: Choose, attempts: readonly Attempt[], seen: readonly string[]): NoAdapterError {
  if (seen.length === 0) return new NoAdapterError(choose, attempts)
  const found = { what: 'adapters of this machine', found: [...new Set(seen)].join(', '), command: null }
  return new NoAdapterError(choose, [found, ...attempts])
}

/** Opens the best adapter that is as asked for. Throws a NoAdapterError that says where it looked and what would help. */
export async function openDevice(options: OpenOptions = {}): Promise<Device> {
  const { choose = 'auto' } = options
  const { stages, attempts } = await discover()
  const seen: string[] = []
  for await (const stage of stages()) {
    seen.push(...stage.adapterNames)
    const { value: first } = await candidates(stage, choose).next()
    if (first) return open(first, choose, attempts)
  }
  throw refuse(choose, attempts, seen)
}

async function everyCandidate(choose: Choose): Promise<{ found: readonly Candidate[]; attempts: readonly Attempt[] }> {
  const { stages, attempts } = await discover()
  const found = new Map<string, Candidate>()
  for await (const stage of stages()) {
    for await (const candidate of candidates(stage, choose)) if (!found.has(candidate.name)) found.set(candidate.name, candidate)
  }
  return { found: [...found.values()], attempts }
}

/** Opens every adapter that is as asked for, the best first; none is an empty list. */
export async function openDevices(options: OpenOptions = {}): Promise<readonly Device[]> {
  const { choose = 'auto' } = options
  const { found, attempts } = await everyCandidate(choose)
  return Promise.all(found.map((candidate) => open(candidate, choose, attempts)))
}

function limitsOf(adapter: GPUAdapter): Readonly<Record<string, number>> {
  const limits: Record<string, number> = {}
  // they are getters of the prototype, which `Object.entries` passes over
  for (const name in adapter.limits) {
    const value = adapter.limits[name as keyof GPUSupportedLimits]
    if (typeof value === 'number') limits[name] = value
  }
  return limits
}

/** What this machine has and what it lacks. */
export async function listAdapters(): Promise<MachineReport> {
  const { found, attempts } = await everyCandidate('auto')
  const adapters = found.map(({ name, adapter, software }) => ({
    name,
    driver: adapter.info.description,
    software,
    target: describeTarget(adapter, name),
    features: [...adapter.features].sort(),
    limits: limitsOf(adapter),
  }))
  return { adapters, attempts }
}
