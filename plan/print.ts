/** A plan for people: what it takes and gives, its memory, and the dispatches of each program. */

import { roleText } from './output-role.ts'
import { storageText, type WeightStorage } from './storage/formats.ts'
import type { Kernel, OutputPort, Plan, PlanBuffer, Port, Program, Step, WeightPiece, WeightPort, WeightSlice } from './plan.ts'

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`

const stored = (storage: WeightStorage | undefined): string => (storage === undefined ? '' : ` as ${storageText(storage)}`)

const printPort = ({ name, dtype, shape, doc }: Port): string =>
  `  ${name}: ${dtype}[${shape.join(', ')}]${doc === '' ? '' : `  // ${doc}`}`

function printOutput({ name, dtype, shape, doc, role, replaces }: OutputPort): string {
  const meaning = role === undefined ? '' : ` as ${roleText(role)}`
  const replaced = replaces === undefined ? '' : ` replaces ${replaces}`
  return `  ${name}: ${dtype}[${shape.join(', ')}]${meaning}${replaced}${doc === '' ? '' : `  // ${doc}`}`
}

function printSlice(slice: WeightSlice): string {
  if (slice.kind === 'all') return ':'
  if (slice.kind === 'index') return String(slice.at)
  const step = slice.step === 1 ? '' : `:${slice.step}`
  return `${slice.start === 0 ? '' : slice.start}:${slice.stop ?? ''}${step}`
}

function printPiece({ tensor, slices, transpose }: WeightPiece): string {
  const taken = slices.length === 0 ? '' : `[${slices.map(printSlice).join(', ')}]`
  return `${JSON.stringify(tensor)}${taken}${transpose ? '.T' : ''}`
}

const printVariable = ({ name, dtype, shape, variable }: WeightPort): string =>
  `  ${name}: ${dtype}[${shape.join(', ')}] = ${roleText(variable!)}`

function printWeight(weight: WeightPort): string {
  const [first, ...rest] = weight.pieces
  const last = rest.at(-1)
  const from =
    first === undefined ? 'zeros' : last === undefined ? printPiece(first) : `${printPiece(first)} ... ${printPiece(last)}`
  const stacked = weight.stacked ? ` (${plural(weight.pieces.length, 'tensor')} stacked)` : ''
  return `  ${weight.name}: ${weight.dtype}[${weight.shape.join(', ')}]${stored(weight.storage)} = ${from}${stacked}`
}

function printBuffer({ id, name, role, dtype, storage, elements, parts, partElements }: PlanBuffer): string {
  const split = parts > 1 ? ` in ${parts} parts of ${partElements}` : ''
  return `  %${id} ${name}: ${role} ${dtype} x ${elements}${stored(storage)}${split}`
}

function printKernel({ id, name, template, workgroupSize, reason, refused }: Kernel): string {
  const lines = [`  #${id} ${name}: ${template}, ${workgroupSize.join(' x ')} invocations; ${reason}`]
  return [...lines, ...refused.map((other) => `    not ${other.template}: ${other.reason}`)].join('\n')
}

function printStep(step: Step, at: number, plan: Plan): string {
  const kernel = plan.kernels.find(({ id }) => id === step.kernel)
  const names = new Map(plan.buffers.map(({ id, name, parts }) => [id, { name, parts }]))
  const bound = step.bindings.map(({ buffer, part }, entry) => {
    const found = names.get(buffer)
    const written = kernel?.bindings[entry]?.access === 'read_write' ? '!' : ''
    return `${found?.name ?? `%${buffer}`}${(found?.parts ?? 1) > 1 ? `.${part}` : ''}${written}`
  })
  return `  ${at} ${step.label}: ${kernel?.name ?? `#${step.kernel}`} <${step.workgroups}> (${bound.join(', ')})`
}

function printProgram(program: Program, plan: Plan): string {
  const { name, when, slots, steps, copies = [] } = program
  const nameOf = (id: number): string => plan.buffers.find((buffer) => buffer.id === id)?.name ?? `%${id}`
  const condition =
    program === plan.once
      ? 'when weights are loaded'
      : when === null
        ? 'in every other case'
        : `when ${when.dim} <= ${when.atMost}`
  const memory = slots.map(
    ({ bytes }, at) => `  slot ${at}: ${bytes.length > 1 ? `the largest of ${bytes.join(', ')}` : (bytes[0] ?? '0')} bytes`,
  )
  const head = `program ${name}, ${condition}: ${plural(steps.length, 'dispatch').replace('dispatchs', 'dispatches')}`
  const last = copies.map(({ from, to }) => `  then ${nameOf(from)} is copied to ${nameOf(to)}`)
  return [head, ...memory, ...steps.map((step, at) => printStep(step, at, plan)), ...last].join('\n')
}

const section = (title: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : [[title, ...lines].join('\n')]

/** The whole plan but the text of its kernels; what a step writes is marked with `!`. */
export function printPlan(plan: Plan): string {
  const { requires } = plan
  const needs = Object.entries(requires).filter(([, value]) => value !== null && !(Array.isArray(value) && value.length === 0))
  return (
    [
      [`plan ${plan.model} for ${plan.target}, version ${plan.version}`, ...(plan.doc === '' ? [] : [plan.doc])].join('\n'),
      ...section(
        'dims',
        plan.dims.map(({ name, doc }) => `  ${name}${doc === '' ? '' : `  // ${doc}`}`),
      ),
      ...section('inputs', plan.inputs.map(printPort)),
      ...section('outputs', plan.outputs.map(printOutput)),
      ...section('weights', plan.weights.filter(({ variable }) => variable === undefined).map(printWeight)),
      ...section('variables', plan.weights.filter(({ variable }) => variable !== undefined).map(printVariable)),
      ...section('held', plan.held.map(printPort)),
      ...section('buffers', plan.buffers.map(printBuffer)),
      ...section('kernels', plan.kernels.map(printKernel)),
      ...(plan.once === null ? [] : [printProgram(plan.once, plan)]),
      ...plan.programs.map((program) => printProgram(program, plan)),
      ...section(
        'requires',
        needs.map(([name, value]) => `  ${name}: ${Array.isArray(value) ? value.join(', ') : value}`),
      ),
    ].join('\n\n') + '\n'
  )
}
