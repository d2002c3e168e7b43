/** What a plan's parts say of each other: every id leads somewhere, and what is bound is what the kernel expects. */

import { constantValue, dim, symbolsOf } from './dim.ts'
import { replacementProblem, variableName } from './output-role.ts'
import { storageText, type WeightStorage } from './storage/formats.ts'
import type { Kernel, OutputPort, Plan, PlanBuffer, Port, Program, Size, Step, StorageType } from './plan.ts'

type Tell = (problem: string) => void

interface Index {
  readonly plan: Plan
  readonly buffers: ReadonlyMap<number, PlanBuffer>
  readonly kernels: ReadonlyMap<number, Kernel>
  readonly dims: ReadonlySet<string>
  /** Buffers of weights that a run may write. */
  readonly replaced: ReadonlySet<number>
}

function findRepeated(what: string, names: readonly (string | number)[], tell: Tell): void {
  const seen = new Set<string | number>()
  for (const name of names) {
    if (seen.has(name)) tell(`${what}: ${name} is there twice`)
    seen.add(name)
  }
}

function checkSize({ dims }: Index, at: string, size: Size, tell: Tell): void {
  for (const name of symbolsOf(dim(size)))
    if (!dims.has(name)) tell(`${at}: ${size} speaks of ${name}, which is not a dim of the plan`)
}

function checkConstantSize(at: string, size: Size, tell: Tell): void {
  if (constantValue(dim(size)) === undefined) tell(`${at}: ${size} is not a number; what is loaded once has a fixed size`)
}

const typeText = ({ dtype, storage }: { readonly dtype: StorageType; readonly storage?: WeightStorage }): string =>
  storage === undefined ? dtype : `${dtype} as ${storageText(storage)}`

function checkBuffers(index: Index, tell: Tell): void {
  for (const [at, { elements, role, dtype, storage, parts, partElements, name }] of index.plan.buffers.entries()) {
    const where = `buffers[${at}] (${name})`
    checkSize(index, `${where}.elements`, elements, tell)
    if (storage !== undefined && (role !== 'weight' || dtype !== 'f32'))
      tell(`${where}.storage: only weights of f32 are stored in a format`)
    if (role === 'weight' || role === 'constant' || role === 'held') checkConstantSize(`${where}.elements`, elements, tell)
    if (parts > 1 && partElements === null) tell(`${where}.partElements: ${parts} parts need their size`)
    const all = constantValue(dim(elements))
    if (all !== undefined && partElements !== null && parts * partElements < all)
      tell(`${where}.parts: ${parts} of ${partElements} do not hold ${all}`)
  }
}

function checkPort(index: Index, where: string, port: Port, role: PlanBuffer['role'], tell: Tell): void {
  port.shape.forEach((size, axis) => checkSize(index, `${where}.shape[${axis}]`, size, tell))
  const buffer = index.buffers.get(port.buffer)
  if (buffer === undefined) return tell(`${where}.buffer: no buffer has the id ${port.buffer}`)
  if (buffer.dtype !== port.dtype) tell(`${where}.dtype: ${port.dtype}, and its buffer ${buffer.name} is ${buffer.dtype}`)
  // an input or a weight may be an output as it is
  const fits = role === 'output' ? buffer.role !== 'scratch' : buffer.role === role
  if (!fits) tell(`${where}.buffer: ${buffer.name} is of the role ${buffer.role}, not ${role}`)
}

function checkPorts(index: Index, tell: Tell): void {
  const { inputs, outputs, weights, held } = index.plan
  findRepeated(
    'inputs',
    inputs.map(({ name }) => name),
    tell,
  )
  findRepeated(
    'outputs',
    outputs.map(({ name }) => name),
    tell,
  )
  findRepeated(
    'weights',
    weights.map(({ name }) => name),
    tell,
  )
  findRepeated(
    'held',
    held.map(({ name }) => name),
    tell,
  )
  held.forEach((port, at) => checkPort(index, `held[${at}]`, port, 'held', tell))
  index.plan.bounds?.forEach(({ size }, at) => checkSize(index, `bounds[${at}].size`, size, tell))
  inputs.forEach((port, at) => {
    checkPort(index, `inputs[${at}]`, port, 'input', tell)
    if (port.below !== undefined) checkSize(index, `inputs[${at}].below`, port.below, tell)
  })
  outputs.forEach((port, at) => checkPort(index, `outputs[${at}]`, port, 'output', tell))
  weights.forEach((port, at) => {
    const where = `weights[${at}] (${port.name})`
    checkPort(index, where, port, 'weight', tell)
    const buffer = index.buffers.get(port.buffer)
    if (buffer !== undefined && buffer.dtype === port.dtype && typeText(buffer) !== typeText(port))
      tell(`${where}.storage: ${typeText(port)}, and its buffer is ${typeText(buffer)}`)
    if (port.storage !== undefined && index.replaced.has(port.buffer))
      tell(`${where}.storage: a weight that a run replaces is f32`)
    port.shape.forEach((size, axis) => checkConstantSize(`${where}.shape[${axis}]`, size, tell))
    if (port.variable !== undefined && port.pieces.length > 0) tell(`${where}.pieces: a variable is in no checkpoint`)
    if (port.variable !== undefined && port.name !== variableName(port.variable))
      tell(`${where}.variable: it is called ${variableName(port.variable)}`)
    if (port.dtype === 'f16' && port.pieces.length > 0) tell(`${where}.dtype: f16 is of no checkpoint; a run makes it`)
    const wanted = port.stacked ? constantValue(dim(port.shape[0] ?? '0')) : Math.min(1, port.pieces.length)
    if (port.pieces.length !== wanted) tell(`${where}.pieces: ${wanted} are expected, not ${port.pieces.length}`)
  })
}

/** Buffers of weights that a run may write. */
const replacedWeights = ({ outputs, weights }: Plan): ReadonlySet<number> => {
  const names = new Set(outputs.map(({ replaces }) => replaces))
  return new Set(weights.filter(({ name }) => names.has(name)).map(({ buffer }) => buffer))
}

/** Whether a step of any program writes a buffer. */
const isWritten = ({ plan, kernels }: Index, id: number): boolean =>
  plan.programs.some(({ steps }) =>
    steps.some(({ kernel, bindings }) =>
      bindings.some(({ buffer }, entry) => buffer === id && kernels.get(kernel)?.bindings[entry]?.access === 'read_write'),
    ),
  )

function checkReplacement({ plan }: Index, where: string, { buffer, shape, dtype, replaces }: OutputPort, tell: Tell): void {
  const weight = plan.weights.find(({ name }) => name === replaces)
  if (weight === undefined) return tell(`${where}.replaces: there is no weight ${replaces}`)
  if (weight.buffer !== buffer) tell(`${where}.buffer: ${buffer} is not that of the weight ${replaces}`)
  if (weight.dtype !== dtype || weight.shape.join() !== shape.join()) {
    tell(`${where}.replaces: ${dtype}[${shape.join(', ')}] in the place of ${weight.dtype}[${weight.shape.join(', ')}]`)
  }
}

function checkReplacements(index: Index, tell: Tell): void {
  const { outputs, once } = index.plan
  const replacing = outputs.flatMap(({ replaces }) => (replaces === undefined ? [] : [replaces]))
  findRepeated('outputs that replace', replacing, tell)
  const moves = outputs.some(({ replaces, role }) => replaces !== undefined && role?.kind !== 'cache')
  if (once !== null && moves) tell('once: what it holds would not follow the weights that a run replaces')
  for (const [at, port] of outputs.entries()) {
    const where = `outputs[${at}]`
    const wrong = port.role === undefined ? null : replacementProblem(port.role, port.replaces)
    if (wrong !== null) tell(`${where}.role: ${wrong}`)
    if (port.replaces !== undefined) checkReplacement(index, where, port, tell)
    else if (port.dtype === 'f16') tell(`${where}.dtype: f16 lies on the device alone`)
    else if (index.replaced.has(port.buffer) && isWritten(index, port.buffer))
      tell(`${where}.buffer: it is read back, and a step writes over it`)
  }
}

function checkCopies(index: Index, at: string, { copies = [] }: Program, placed: ReadonlyMap<number, number>, tell: Tell): void {
  const changed = new Set<number>()
  for (const [entry, { from, to }] of copies.entries()) {
    const where = `${at}.copies[${entry}]`
    const [source, target] = [index.buffers.get(from), index.buffers.get(to)]
    if (source === undefined) tell(`${where}.from: no buffer has the id ${from}`)
    else if (source.dtype !== target?.dtype) tell(`${where}: ${source.dtype} is copied to ${target?.dtype ?? 'none'}`)
    else if (source.elements !== target.elements) tell(`${where}: ${source.elements} elements are copied to ${target.elements}`)
    if (!index.replaced.has(to) && target?.role !== 'scratch') tell(`${where}.to: ${to} is of no weight that is replaced`)
    if (index.replaced.has(from) && changed.has(from)) tell(`${where}.from: ${source?.name} is no more what it was`)
    for (const [end, buffer] of [
      ['from', source],
      ['to', target],
    ] as const) {
      if (buffer?.role === 'scratch' && !placed.has(buffer.id))
        tell(`${where}.${end}: ${buffer.name} is scratch and placed in no slot of this program`)
    }
    changed.add(to)
  }
}

function checkConstants({ plan, buffers }: Index, tell: Tell): void {
  for (const [at, { buffer: id, dtype, values }] of plan.constants.entries()) {
    const buffer = buffers.get(id)
    if (buffer?.role !== 'constant') tell(`constants[${at}].buffer: ${id} is not a constant buffer`)
    else if (buffer.dtype !== dtype) tell(`constants[${at}].dtype: ${dtype}, and its buffer is ${buffer.dtype}`)
    else if (constantValue(dim(buffer.elements)) !== values.length)
      tell(`constants[${at}].values: ${values.length} for ${buffer.elements} elements`)
  }
}

/** Every dim must be read off an input somewhere: as an axis by itself. */
function checkDims({ plan }: Index, tell: Tell): void {
  findRepeated(
    'dims',
    plan.dims.map(({ name }) => name),
    tell,
  )
  const bare = new Set(plan.inputs.flatMap(({ shape }) => shape))
  for (const { name } of plan.dims) if (!bare.has(name)) tell(`dims: no input has an axis ${name}, so nothing says what it is`)
}

function checkBinding(
  index: Index,
  at: string,
  step: Step,
  entry: number,
  placed: ReadonlyMap<number, number>,
  isOnce: boolean,
  tell: Tell,
): void {
  const { buffer: id, part } = step.bindings[entry]
  const binding = index.kernels.get(step.kernel)?.bindings[entry]
  const buffer = index.buffers.get(id)
  const where = `${at}.bindings[${entry}]`
  if (buffer === undefined) return tell(`${where}.buffer: no buffer has the id ${id}`)
  if (part >= buffer.parts) tell(`${where}.part: ${buffer.name} has ${buffer.parts} parts, not a part ${part}`)
  if (buffer.role === 'scratch' && !placed.has(id))
    tell(`${where}.buffer: ${buffer.name} is scratch and placed in no slot of this program`)
  if (binding === undefined) return
  if (typeText(binding) !== typeText(buffer))
    tell(`${where}: ${buffer.name} is ${typeText(buffer)}, the kernel's ${binding.name} is ${typeText(binding)}`)
  const isReplaced = index.replaced.has(id) && !isOnce
  const constant = (['weight', 'constant', 'input'].includes(buffer.role) && !isReplaced) || (buffer.role === 'held' && !isOnce)
  if (isOnce && (buffer.role === 'input' || buffer.role === 'output'))
    tell(`${where}: ${buffer.name} belongs to a run, and once has none`)
  if (constant && binding.access === 'read_write')
    tell(`${where}: ${buffer.name} is of the role ${buffer.role} and is not written`)
}

/** A step may not write memory that it sees a second time, be it through the slot that two buffers share. */
function checkAliasing(step: Step, kernel: Kernel, at: string, placed: ReadonlyMap<number, number>, tell: Tell): void {
  const seen = new Map<string, number>()
  for (const [entry, { buffer, part }] of step.bindings.entries()) {
    const slot = placed.get(buffer)
    const key = slot === undefined ? `${buffer}.${part}` : `slot ${slot}`
    const other = seen.get(key)
    const writes = (binding: number): boolean => kernel.bindings[binding]?.access === 'read_write'
    const sameBuffer = other !== undefined && step.bindings[other].buffer === buffer && step.bindings[other].part !== part
    if (other !== undefined && (writes(entry) || writes(other)) && !(sameBuffer && writes(entry) && writes(other))) {
      tell(`${at}: bindings ${other} and ${entry} lie in the same memory and one of them is written`)
    }
    seen.set(key, entry)
  }
}

/** A kernel may leave alone what it wrote itself, and nothing else. */
function checkZeroFlags({ plan }: Index, tell: Tell): void {
  for (const [at, kernel] of plan.kernels.entries()) {
    const flagged = 'zeroFlagged' in kernel ? kernel.zeroFlagged : undefined
    if (flagged !== undefined && kernel.bindings[flagged]?.access !== 'read_write')
      tell(`kernels[${at}].zeroFlagged: ${kernel.name} does not write binding ${flagged}`)
  }
}

function checkStep(index: Index, at: string, step: Step, placed: ReadonlyMap<number, number>, isOnce: boolean, tell: Tell): void {
  checkSize(index, `${at}.workgroups`, step.workgroups, tell)
  const kernel = index.kernels.get(step.kernel)
  if (kernel === undefined) return tell(`${at}.kernel: no kernel has the id ${step.kernel}`)
  if (kernel.bindings.length !== step.bindings.length) {
    tell(`${at}.bindings: ${kernel.name} has ${kernel.bindings.length}, not ${step.bindings.length}`)
  }
  step.bindings.forEach((_, entry) => checkBinding(index, at, step, entry, placed, isOnce, tell))
  checkAliasing(step, kernel, at, placed, tell)
}

function checkProgram(index: Index, at: string, program: Program, tell: Tell): void {
  const { when, slots, placement, steps } = program
  if (when !== null) checkSize(index, `${at}.when.dim`, when.dim, tell)
  slots.forEach(({ bytes }, slot) => bytes.forEach((size) => checkSize(index, `${at}.slots[${slot}]`, size, tell)))
  for (const [entry, { buffer, slot }] of placement.entries()) {
    const where = `${at}.placement[${entry}]`
    if (slot >= slots.length) tell(`${where}.slot: there are ${slots.length} slots, not a slot ${slot}`)
    if (index.buffers.get(buffer)?.role !== 'scratch') tell(`${where}.buffer: ${buffer} is not a scratch buffer`)
  }
  const placed = new Map(placement.map(({ buffer, slot }) => [buffer, slot]))
  steps.forEach((step, entry) => checkStep(index, `${at}.steps[${entry}]`, step, placed, at === 'once', tell))
  checkCopies(index, at, program, placed, tell)
}

function checkPrograms(index: Index, tell: Tell): void {
  const { programs, once, held } = index.plan
  if (programs.length === 0) tell('programs: there is none')
  if (once !== null) checkProgram(index, 'once', once, tell)
  if (once === null && held.length > 0) tell('once: there is none, and nothing makes what is held')
  programs.forEach((program, at) => checkProgram(index, `programs[${at}]`, program, tell))
  programs.forEach(({ when }, at) => {
    const last = at === programs.length - 1
    if (last && when !== null) tell(`programs[${at}].when: the last program runs in every other case, so it has no condition`)
    if (!last && when === null) tell(`programs[${at}].when: what always holds leaves nothing to the programs after it`)
  })
}

/** What is wrong between the parts of a plan whose form is right. */
export function checkReferences(plan: Plan): readonly string[] {
  const problems: string[] = []
  const tell = (problem: string): void => void problems.push(problem)
  const index: Index = {
    plan,
    buffers: new Map(plan.buffers.map((buffer) => [buffer.id, buffer])),
    kernels: new Map(plan.kernels.map((kernel) => [kernel.id, kernel])),
    dims: new Set(plan.dims.map(({ name }) => name)),
    replaced: replacedWeights(plan),
  }
  findRepeated(
    'buffers',
    plan.buffers.map(({ id }) => id),
    tell,
  )
  findRepeated(
    'kernels',
    plan.kernels.map(({ id }) => id),
    tell,
  )
  for (const check of [checkDims, checkBuffers, checkPorts, checkReplacements, checkConstants, checkZeroFlags, checkPrograms])
    check(index, tell)
  return problems
}
