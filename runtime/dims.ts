/** Binds the symbolic dims of a plan to the shapes of the inputs of a run, and checks the inputs. */
import { brokenBound } from '../plan/bounds.ts'
import { dim, evaluate, symbolsOf, type DimValues } from '../plan/dim.ts'
import type { InputPort, Plan, Port, Program, Signature } from '../plan/plan.ts'
import { emptyTable } from '../plan/table.ts'
import { firstThatHolds } from '../plan/when.ts'
import { InputError } from './errors.ts'
import { dtypeOf, elementCount, showShape, type HostData } from './tensors.ts'

export type Inputs = Readonly<Record<string, HostData>>

/** Kernels see a dim as u32. */
const LARGEST = 2 ** 32 - 1

/** Throws an InputError for a value that is not a tensor. */
export function checkTensor(name: string, given: HostData): HostData {
  const isTensor =
    typeof given === 'object' &&
    given !== null &&
    Array.isArray(given.shape) &&
    given.shape.every((size) => typeof size === 'number')
  if (isTensor && ArrayBuffer.isView(given.data) && !((given.data as unknown) instanceof DataView)) return given
  throw new InputError(
    name,
    null,
    'is not a tensor: expected an object with `shape`, an array of numbers, and `data`, a typed array',
  )
}

function checkPort(port: Omit<Port, 'buffer'>, given: HostData | undefined): HostData {
  const fail = (message: string): never => {
    throw new InputError(port.name, null, message)
  }
  if (given === undefined) return fail(`is missing; expected ${port.dtype}${showShape(port.shape)}`)
  const dtype = dtypeOf(checkTensor(port.name, given).data)
  if (dtype !== port.dtype) return fail(`expected ${port.dtype}, got ${dtype ?? 'an array of another class'}`)
  const { shape, data } = given
  if (shape.length !== port.shape.length) {
    return fail(
      `expected the shape ${showShape(port.shape)} of rank ${port.shape.length}, got ${showShape(shape)} of rank ${shape.length}`,
    )
  }
  if (!shape.every((size) => Number.isInteger(size) && size >= 0 && size <= LARGEST))
    fail(`${showShape(shape)} is not a valid shape`)
  if (elementCount(shape) !== data.length) fail(`${showShape(shape)} has ${elementCount(shape)} elements, got ${data.length}`)
  return given
}

/** An axis that is a symbol alone binds it; the first such axis decides. */
function bindSymbols(plan: Signature, inputs: Inputs): Record<string, number> {
  const values = emptyTable<number>()
  const names = new Set(plan.dims.map(({ name }) => name))
  for (const port of plan.inputs) {
    for (const [axis, size] of port.shape.entries()) {
      if (names.has(size)) values[size] ??= inputs[port.name].shape[axis]
    }
  }
  return values
}

function checkAxes(port: Omit<Port, 'buffer'>, shape: readonly number[], values: DimValues): void {
  for (const [axis, size] of port.shape.entries()) {
    const expected = evaluate(size, values)
    if (expected === shape[axis]) continue
    const symbols = symbolsOf(dim(size))
    const known = symbols.length === 0 ? '' : ` with ${symbols.map((name) => `${name} = ${values[name]}`).join(', ')}`
    const what = symbols.length === 0 ? `axis ${axis}` : `dimension ${size} (axis ${axis})`
    throw new InputError(port.name, size, `expected ${what} to be ${expected}${known}, got ${shape[axis]}`)
  }
}

/** Ids index rows. WebGPU clamps an index out of range, which would silently read another row. */
function checkIds(port: Omit<InputPort, 'buffer'>, { data }: HostData, values: DimValues): void {
  if (port.below === undefined) return
  const below = evaluate(port.below, values)
  for (let at = 0; at < data.length; at++) {
    if ((data[at] >= 0 && data[at] < below) || data[at] === port.ignored) continue
    const ignored = port.ignored === undefined ? '' : `, or ${port.ignored}, which is ignored`
    throw new InputError(
      port.name,
      port.below,
      `element ${at} is ${data[at]}; expected a row index from 0 to ${below - 1}${ignored}`,
    )
  }
}

/** A slice that leaves its axis would silently read other elements. */
function checkBounds({ bounds = [], inputs }: Signature, values: DimValues): void {
  const broken = brokenBound(bounds, values)
  if (broken === null) return
  const port = inputs.find(({ shape }) => shape.includes(broken.dimension))
  throw new InputError(port?.name ?? '', broken.dimension, broken.message)
}

/** Checks the inputs and returns the values of the plan's dims. Throws an InputError with the input and the dimension. */
export function bindDims(plan: Signature, inputs: Inputs): DimValues {
  for (const name of Object.keys(inputs)) {
    const known = plan.inputs.map((port) => port.name)
    if (!known.includes(name))
      throw new InputError(name, null, `the plan has no such input; its inputs are ${known.join(', ') || 'none'}`)
  }
  for (const port of plan.inputs) checkPort(port, Object.hasOwn(inputs, port.name) ? inputs[port.name] : undefined)
  const values = bindSymbols(plan, inputs)
  for (const port of plan.inputs) {
    checkAxes(port, inputs[port.name].shape, values)
    checkIds(port, inputs[port.name], values)
  }
  checkBounds(plan, values)
  return values
}

/** `B = 2, S = 16` */
export const showDims = (values: DimValues): string =>
  Object.entries(values)
    .map(([name, value]) => `${name} = ${value}`)
    .join(', ') || 'no dims'

/** The first program whose condition holds. Throws an InputError if there is none. */
export function chooseProgram(plan: Plan, values: DimValues): Program {
  const program = firstThatHolds(plan.programs, values)
  if (program === undefined)
    throw new InputError(plan.inputs[0]?.name ?? '', null, 'the plan has no program for these dimensions')
  return program
}
