/** The form of a plan's JSON. A rule is given a value and where it is, and tells what is wrong with it. */

import { dim } from './dim.ts'
import { ROLE_FIELDS, VARIABLE_KINDS, type RoleKind } from './output-role.ts'
import { FORMAT_NAMES } from './storage/formats.ts'
import { LANGUAGE, PLAN_VERSION, type KernelLanguage, type Plan, type PlanTarget } from './plan.ts'

type Tell = (problem: string) => void
type Rule = (value: unknown, at: string, tell: Tell) => void

function show(value: unknown): string {
  if (value === undefined) return 'nothing'
  // undefined and other values without a JSON form can only come from a program
  const text = JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part)) ?? String(value)
  return text.length > 40 ? `${text.slice(0, 40)}...` : text
}

const expect =
  (what: string, holds: (value: unknown) => boolean): Rule =>
  (value, at, tell) => {
    if (!holds(value)) tell(`${at}: ${what} is expected, not ${show(value)}`)
  }

const text = expect('a text', (value) => typeof value === 'string')
const name = expect('a name', (value) => typeof value === 'string' && value !== '')
const flag = expect('true or false', (value) => typeof value === 'boolean')
const whole = expect('a whole number from 0 on', (value) => Number.isSafeInteger(value) && (value as number) >= 0)
const integer = expect('a whole number', Number.isSafeInteger)
const positive = expect('a whole number from 1 on', (value) => Number.isSafeInteger(value) && (value as number) >= 1)
const finite = expect('a number', (value) => typeof value === 'number' && Number.isFinite(value))

const oneOf = (...words: readonly (string | number)[]): Rule =>
  expect(words.length === 1 ? String(words[0]) : `one of ${words.join(', ')}`, (value) => words.includes(value as string))

const orNull =
  (rule: Rule): Rule =>
  (value, at, tell) => {
    if (value !== null) rule(value, at, tell)
  }

const optional =
  (rule: Rule): Rule =>
  (value, at, tell) => {
    if (value !== undefined) rule(value, at, tell)
  }

const list =
  (rule: Rule): Rule =>
  (value, at, tell) => {
    if (!Array.isArray(value)) tell(`${at}: a list is expected, not ${show(value)}`)
    else for (let index = 0; index < value.length; index++) rule(value[index], `${at}[${index}]`, tell)
  }

const tuple =
  (length: number, rule: Rule): Rule =>
  (value, at, tell) => {
    if (Array.isArray(value) && value.length !== length) tell(`${at}: ${length} entries are expected, not ${value.length}`)
    else list(rule)(value, at, tell)
  }

const record =
  (fields: Readonly<Record<string, Rule>>): Rule =>
  (value, at, tell) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return tell(`${at}: an object is expected, not ${show(value)}`)
    for (const key of Object.keys(value)) if (!Object.hasOwn(fields, key)) tell(`${at}: the field '${key}' is unknown`)
    for (const [key, rule] of Object.entries(fields)) {
      const inside = at === 'the plan' ? key : `${at}.${key}`
      rule(Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined, inside, tell)
    }
  }

const byKind =
  (kinds: Readonly<Record<string, Readonly<Record<string, Rule>>>>): Rule =>
  (value, at, tell) => {
    const kind = (value as { kind?: unknown } | null | undefined)?.kind
    const fields = typeof kind === 'string' && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined
    if (fields === undefined) tell(`${at}.kind: one of ${Object.keys(kinds).join(', ')} is expected, not ${show(kind)}`)
    else record({ kind: text, ...fields })(value, at, tell)
  }

const size: Rule = (value, at, tell) => {
  if (typeof value !== 'string') return tell(`${at}: a size such as "32*B" is expected, not ${show(value)}`)
  try {
    dim(value)
  } catch (error) {
    tell(`${at}: ${(error as Error).message}`)
  }
}

const onHost = oneOf('f32', 'i32', 'u32')
const storage = oneOf('f32', 'f16', 'i32', 'u32')
const stored = optional(record({ format: oneOf(...FORMAT_NAMES), row: optional(positive) }))
const access = oneOf('read', 'read_write')

const place = record({ path: text, line: whole, column: whole, instance: text })
const port = { name, dtype: storage, shape: list(size), buffer: whole, doc: text }

const slice = byKind({
  all: {},
  index: { at: whole },
  range: { start: whole, stop: orNull(whole), step: positive },
})

const rolesOf = (kinds: readonly RoleKind[]): Rule =>
  byKind(
    Object.fromEntries(
      kinds.map((kind) => [
        kind,
        Object.fromEntries(
          Object.entries<readonly string[] | null>(ROLE_FIELDS[kind]).map(([field, words]) => [
            field,
            words === null ? text : oneOf(...words),
          ]),
        ),
      ]),
    ),
  )
const role = rolesOf(Object.keys(ROLE_FIELDS) as RoleKind[])

const piece = record({ tensor: text, slices: list(slice), transpose: flag })

const buffer = record({
  id: whole,
  name: text,
  role: oneOf('input', 'output', 'weight', 'constant', 'held', 'scratch'),
  dtype: storage,
  storage: stored,
  elements: size,
  partElements: orNull(positive),
  parts: positive,
})

const kernelFacts = {
  id: whole,
  name,
  bindings: list(record({ name: text, access, dtype: storage, storage: stored })),
  workgroupSize: tuple(3, positive),
  template: text,
  reason: text,
  refused: list(record({ template: text, reason: text })),
  places: list(record({ wgslLine: positive, place })),
}

const CODE: { readonly [L in KernelLanguage]: Readonly<Record<string, Rule>> } = {
  wgsl: { wgsl: text, entryPoint: name, needsSubgroups: flag },
  wasm: { wasm: text, ownBytes: whole, marginBytes: whole, zeroFlagged: optional(whole) },
}

/** The language is that of the plan's target. */
const kernelOf = (target: unknown): Rule => record({ ...kernelFacts, ...CODE[isTarget(target) ? LANGUAGE[target] : 'wgsl'] })

const step = record({ kernel: whole, bindings: list(record({ buffer: whole, part: whole })), workgroups: size, label: text })

const program = record({
  name: text,
  when: orNull(record({ dim: size, atMost: finite })),
  slots: list(record({ bytes: list(size) })),
  placement: list(record({ buffer: whole, slot: whole })),
  steps: list(step),
  copies: optional(list(record({ from: whole, to: whole }))),
})

const requires = record({
  features: list(text),
  maxStorageBuffersPerShaderStage: whole,
  maxComputeInvocationsPerWorkgroup: whole,
  maxComputeWorkgroupStorageSize: whole,
  maxStorageBufferBindingSize: whole,
  subgroupSize: orNull(positive),
})

const isTarget = (target: unknown): target is PlanTarget => typeof target === 'string' && Object.hasOwn(LANGUAGE, target)

const fieldsOf = (target: unknown): { readonly [F in keyof Plan]: Rule } => ({
  version: oneOf(PLAN_VERSION),
  target: oneOf(...Object.keys(LANGUAGE)),
  model: text,
  doc: text,
  dims: list(record({ name, doc: text })),
  bounds: optional(list(record({ size, what: text }))),
  inputs: list(record({ ...port, dtype: onHost, below: optional(size), ignored: optional(integer) })),
  outputs: list(record({ ...port, role: optional(role), replaces: optional(name) })),
  weights: list(
    record({ ...port, storage: stored, pieces: list(piece), stacked: flag, variable: optional(rolesOf(VARIABLE_KINDS)) }),
  ),
  constants: list(record({ buffer: whole, dtype: onHost, values: list(finite) })),
  held: list(record(port)),
  state: optional(record({ sequences: positive, longest: positive, rewinds: flag })),
  buffers: list(buffer),
  kernels: list(kernelOf(target)),
  once: orNull(program),
  programs: list(program),
  requires,
})

/** Whether a value has the form of a plan; what is wrong is added to `problems`. */
export function conforms(value: unknown, problems: string[]): value is Plan {
  const before = problems.length
  record(fieldsOf((value as { target?: unknown } | null)?.target))(value, 'the plan', (problem) => problems.push(problem))
  return problems.length === before
}
