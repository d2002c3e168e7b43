/** `b s (h c) -> b h s c`, `... c -> (...) c`, `... -> ... 1`: reshape, transpose, reshape. */
import { ONE, product, type Dim } from '../../../plan/dim.ts'
import { own } from '../../../plan/table.ts'
import type { TensorType } from '../../ops/record.ts'
import type { Emit } from './emit.ts'
import { readAxes, repeated, splitArrow, type AxisGroups, type AxisName } from './pattern.ts'

function read<T extends TensorType>(emit: Emit<T>, pattern: string, rank: number): readonly [AxisGroups, AxisGroups] | null {
  const sides = splitArrow(pattern)
  if ('message' in sides) return (emit.fail(sides), null)
  const any = sides.left.includes('...')
    ? Math.max(0, rank - readAxes(sides.left, 0, { any: 0, single: false }).groups.length)
    : null
  const [left, right] = [
    readAxes(sides.left, 0, { any, single: false }),
    readAxes(sides.right, sides.rightAt, { any, single: true }),
  ]
  const problem = left.problem ?? right.problem
  if (problem !== null) return (emit.fail(problem), null)
  const [from, to] = [left.groups.flat(), right.groups.flat()]
  const twice = repeated(from) ?? repeated(to)
  const lost = from.find((axis) => !to.some((other) => other.name === axis.name))
  const made = to.find((axis) => !from.some((other) => other.name === axis.name))
  const odd = twice ?? lost ?? made
  if (odd === undefined) return [left.groups, right.groups]
  const what = twice ? 'occurs twice' : `is only on the ${lost ? 'left' : 'right'}`
  emit.fail({ message: `axis ${odd.name.replace(/^\.{3}\d+$/, '...')} ${what}`, at: [odd.start, odd.end] })
  return null
}

/** The sizes of the axes of one group: at most one is not given. */
function groupSizes<T extends TensorType>(
  emit: Emit<T>,
  group: readonly AxisName[],
  size: Dim,
  given: Readonly<Record<string, Dim>>,
): readonly Dim[] {
  const open = group.filter((axis) => !Object.hasOwn(given, axis.name))
  const at = [group[0]?.start ?? 0, group.at(-1)?.end ?? 0] as const
  if (open.length > 1) {
    emit.fail({
      message: `the sizes of ${open.map((axis) => axis.name).join(' and ')} are both unknown; give one of them, as in ${open[0].name} = ...`,
      at,
    })
    return group.map(() => ONE)
  }
  const known = emit.settle(product(group.filter((axis) => Object.hasOwn(given, axis.name)).map((axis) => given[axis.name])))
  const rest = emit.divide(size, known)
  const matches = open.length === 1 ? rest !== undefined : known === size
  if (!matches)
    emit.fail({
      message: `${known.key} does not ${open.length === 1 ? 'divide' : 'equal'} the axis, whose size is ${size.key}`,
      at,
    })
  return group.map((axis) => own(given, axis.name) ?? rest ?? ONE)
}

export function rearrange<T extends TensorType>(emit: Emit<T>, pattern: string, x: T, given: Readonly<Record<string, Dim>>): T {
  const sides = read(emit, pattern, x.shape.length)
  if (sides === null) return x
  const [left, right] = sides
  if (left.length !== x.shape.length) {
    emit.fail({
      message: `\`{0}\` has ${x.shape.length} axes but the pattern has ${left.length}`,
      at: [0, pattern.indexOf('->')],
    })
    return x
  }
  const names = left.flat().map((axis) => axis.name)
  const stray = Object.keys(given).find((name) => !names.includes(name))
  if (stray !== undefined) {
    emit.fail({ message: `a size is given for ${stray}, which the pattern does not name` })
    return x
  }
  const sizes = left.flatMap((group, axis) => groupSizes(emit, group, x.shape[axis], given))
  const split = left.every((group) => group.length === 1) ? x : emit.reshape(x, sizes)
  const order = right.flat().map((axis) => names.indexOf(axis.name))
  const moved = order.every((axis, i) => axis === i) ? split : emit.make('transpose', [split], { order })
  if (right.length === order.length && right.every((group) => group.length === 1)) return moved
  const shape = right.map((group) => product(group.map((axis) => sizes[names.indexOf(axis.name)])))
  return emit.reshape(moved, shape)
}
