/** `b s h c, b t h c -> b h s t`: products summed over the axes that the result does not name, two operands at a time. */
import type { TensorType } from '../../ops/record.ts'
import type { Emit } from './emit.ts'
import { readAxes, repeated, splitArrow, type AxisName } from './pattern.ts'

interface Named<T> {
  readonly x: T
  readonly axes: readonly string[]
}

interface Equation {
  readonly operands: readonly (readonly AxisName[])[]
  readonly result: readonly AxisName[]
}

/** The axis names of the operands and of the result. */
export function readEquation(pattern: string): Equation | { readonly message: string; readonly at: readonly [number, number] } {
  const sides = splitArrow(pattern)
  if ('message' in sides) return sides
  let offset = 0
  const operands: (readonly AxisName[])[] = []
  for (const part of [...sides.left.split(','), null]) {
    const { groups, problem } = part === null ? readAxes(sides.right, sides.rightAt) : readAxes(part, offset)
    if (problem !== null) return problem
    const joined = groups.find((group) => group.length !== 1)
    if (joined !== undefined)
      return {
        message: 'einsum cannot join axes; rearrange can',
        at: [joined[0]?.start ?? 0, joined.at(-1)?.end ?? pattern.length],
      }
    operands.push(groups.flat())
    offset += (part?.length ?? 0) + 1
  }
  const result = operands.pop() ?? []
  const twice = [...operands, result].map(repeated).find((axis) => axis !== undefined)
  if (twice !== undefined) return { message: `axis ${twice.name} occurs twice in one operand`, at: [twice.start, twice.end] }
  const stray = result.find((axis) => !operands.flat().some((other) => other.name === axis.name))
  if (stray !== undefined)
    return { message: `axis ${stray.name} is in the result but in no operand`, at: [stray.start, stray.end] }
  return { operands, result }
}

/** Sums over the axes that occur in no other operand and not in the result. */
function sumAlone<T extends TensorType>(emit: Emit<T>, { x, axes }: Named<T>, needed: ReadonlySet<string>): Named<T> {
  const at = axes.findLastIndex((name) => !needed.has(name))
  if (at < 0) return { x, axes }
  return sumAlone(emit, { x: emit.make('sum', [x], { axis: at }), axes: axes.toSpliced(at, 1) }, needed)
}

function multiply<T extends TensorType>(emit: Emit<T>, left: Named<T>, right: Named<T>, needed: ReadonlySet<string>): Named<T> {
  const a = sumAlone(emit, left, new Set([...needed, ...right.axes]))
  const b = sumAlone(emit, right, new Set([...needed, ...left.axes]))
  const shared = a.axes.filter((name) => b.axes.includes(name))
  const pair = (name: string): readonly [number, number] => [a.axes.indexOf(name), b.axes.indexOf(name)]
  const batch = shared.filter((name) => needed.has(name))
  const over = shared.filter((name) => !needed.has(name))
  const x = emit.make('contract', [a.x, b.x], { batch: batch.map(pair), over: over.map(pair) })
  const free = [...a.axes, ...b.axes].filter((name) => !shared.includes(name))
  return { x, axes: [...batch, ...free] }
}

/** Reports a name with two sizes. */
function checkSizes<T extends TensorType>(emit: Emit<T>, { operands }: Equation, tensors: readonly T[]): boolean {
  const first = new Map<string, { key: string; operand: number }>()
  for (const [i, axes] of operands.entries()) {
    for (const [at, axis] of axes.entries()) {
      const key = tensors[i].shape[at].key
      const known = first.get(axis.name)
      if (known === undefined) first.set(axis.name, { key, operand: i })
      else if (known.key !== key) {
        emit.fail({
          message: `axis ${axis.name} is ${known.key} in \`{${known.operand}}\` but ${key} in \`{${i}}\``,
          at: [axis.start, axis.end],
        })
        return false
      }
    }
  }
  return true
}

export function einsum<T extends TensorType>(emit: Emit<T>, pattern: string, tensors: readonly T[]): T {
  const equation = readEquation(pattern)
  if ('message' in equation) return (emit.fail(equation), tensors[0])
  const { operands, result } = equation
  if (operands.length !== tensors.length) {
    emit.fail({
      message: `the pattern has ${operands.length} operands but the call has ${tensors.length}`,
      at: [0, pattern.indexOf('->')],
    })
    return tensors[0]
  }
  const odd = operands.findIndex((axes, i) => axes.length !== tensors[i].shape.length)
  if (odd >= 0) {
    const [names] = [operands[odd]]
    emit.fail({
      message: `\`{${odd}}\` has ${tensors[odd].shape.length} axes but the pattern names ${names.length}`,
      at: [names[0]?.start ?? 0, names.at(-1)?.end ?? pattern.indexOf('->')],
    })
    return tensors[0]
  }
  if (!checkSizes(emit, equation, tensors)) return tensors[0]
  const named = operands.map((axes, i): Named<T> => ({ x: tensors[i], axes: axes.map((axis) => axis.name) }))
  const wanted = result.map((axis) => axis.name)
  const whole = named.slice(1).reduce((sofar, next, i) => {
    const later = named.slice(i + 2).flatMap((other) => other.axes)
    return multiply(emit, sofar, next, new Set([...wanted, ...later]))
  }, named[0])
  const { x, axes } = sumAlone(emit, whole, new Set(wanted))
  const order = wanted.map((name) => axes.indexOf(name))
  return order.every((axis, i) => axis === i) ? x : emit.make('transpose', [x], { order })
}
