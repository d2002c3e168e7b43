/** The `weights` block of a model: the source of each path in a checkpoint. */
import type { Expression, Name, SliceNode, WeightEntry, WeightLine, WeightPathPart } from '../../../grammar/ast.ts'
import type { Span } from '../../../grammar/source.ts'
import { closest } from '../../../grammar/suggest.ts'
import { constantValue, symbol, ZERO, type Dim } from '../../../plan/dim.ts'
import { bounded, complain, verify, type Frame } from '../context/context.ts'
import { EXPERT_INDEX, type WeightFact, type WeightSourceFact } from '../model.ts'
import { createScope } from '../context/scope.ts'
import { evaluateSize, int } from '../static/static.ts'
import { ofStatic } from '../context/value.ts'
import { wantFixed } from '../types/compile-time.ts'
import { expanded } from './alternatives.ts'
import { ungrouped } from './groups.ts'

/** A path with anonymous indices, by which entries and weights are matched. */
const keyOf = (path: string): string => path.replace(/\{[^}]*\}/g, '{}')

/** A path without lists, as text. */
const textOf = (part: WeightPathPart): string =>
  part.kind === 'choice' ? '' : part.kind === 'name' ? part.name.text : `{${part.name.text}}`

interface Target {
  /** Places of the weights with this path: several where branches of a conditional share it. */
  readonly at: readonly number[]
  readonly path: string
  readonly stacked: boolean
}

function targetsOf(weights: readonly WeightFact[]): ReadonlyMap<string, Target> {
  const targets = new Map<string, Target>()
  const add = (path: string, at: number, stacked: boolean): void => {
    const known = targets.get(keyOf(path))
    targets.set(keyOf(path), known === undefined ? { at: [at], path, stacked } : { ...known, at: [...known.at, at] })
  }
  weights.forEach(({ term, stackedPath }, at) => {
    add(term.path, at, false)
    if (stackedPath !== null) add(stackedPath, at, true)
  })
  return targets
}

/** The symbol each index of a path stands for, in order. */
const indicesOf = (path: string): readonly string[] =>
  [...path.matchAll(/\{([^}]*)\}/g)].map(([, name]) => (name === '*' ? EXPERT_INDEX : name))

/** The weights with the sources that the entries give them. */
export function readWeights(frame: Frame, lines: readonly WeightLine[]): readonly WeightFact[] {
  const { weights, broken } = frame.context
  const targets = targetsOf(weights)
  const taken = new Map<number, Span>()
  const sources = new Map<number, WeightSourceFact>()
  for (const entry of ungrouped(frame, lines).flatMap((one) => expanded(frame, one))) {
    const path = entry.path.map(textOf).join('.')
    const target = targets.get(keyOf(path))
    if (target === undefined) {
      const isOfBroken = broken.some(
        (prefix) => keyOf(path).startsWith(keyOf(prefix)) || keyOf(path).startsWith(`${keyOf(prefix)}.`),
      )
      if (!isOfBroken && !frame.declaration.isPartial) unknownPath(frame, path, pathSpan(entry), targets)
      continue
    }
    const first = taken.get(target.at[0])
    if (first !== undefined) {
      complain(frame, {
        code: 'SMOE5002',
        message: `${path} already has a source`,
        span: pathSpan(entry),
        related: [{ span: first, message: 'the first' }],
      })
      continue
    }
    taken.set(target.at[0], pathSpan(entry))
    const source = sourceOf({ ...frame, loops: turnsOf(weights[target.at[0]], target.stacked) }, entry, target)
    if (source !== null) for (const at of target.at) sources.set(at, source)
  }
  return weights.map((fact, at) => ({ ...fact, source: sources.get(at) ?? null }))
}

/** The iterations for which the name and the slices of a source are evaluated. */
const turnsOf = ({ loops, term: { bank } }: WeightFact, stacked: boolean): Frame['loops'] =>
  stacked && bank !== null ? [...loops, { index: EXPERT_INDEX, from: ZERO, to: bank }] : loops

const lastName = (part: WeightPathPart | undefined): Name | undefined =>
  part?.kind === 'choice' ? part.names.at(-1) : part?.name

const pathSpan = ({ path, span, template }: WeightEntry): Span => ({
  ...span,
  end: lastName(path.at(-1))?.span.end ?? template.span.start,
})

function unknownPath(frame: Frame, path: string, span: Span, targets: ReadonlyMap<string, Target>): void {
  const help = (): string | null => {
    const meant = closest(keyOf(path), targets.keys())
    return meant === null ? null : `did you mean ${targets.get(meant)!.path.replace('{*}', '{e}')}?`
  }
  complain(frame, { code: 'SMOE5001', message: `no weight has the path ${path}`, span, help })
}

function sourceOf(frame: Frame, entry: WeightEntry, { path, stacked }: Target): WeightSourceFact | null {
  const { template } = entry
  const names = entry.path.flatMap((part) => (part.kind === 'index' ? [part.name.text] : []))
  const indices = indicesOf(path)
  const binds = Object.fromEntries(names.map((name, i) => [name, indices[i]]))
  const before = frame.context.reporter.count
  const used = new Set<string>()
  for (const match of template.value.matchAll(/\{([^}]*)\}/g)) {
    const [whole, name] = match
    used.add(name)
    if (Object.hasOwn(binds, name)) continue
    const start = template.span.start + 1 + match.index
    // a name made from a list has no place of its own
    const isThere = template.span.source.text.startsWith(whole, start)
    complain(frame, {
      code: 'SMOE5003',
      message: `${whole} is not an index of the path`,
      span: isThere ? { ...template.span, start, end: start + whole.length } : template.span,
      help: names.length === 0 ? 'the path has no index' : `its indices are ${names.map((one) => `{${one}}`).join(', ')}`,
    })
  }
  const scope = createScope(frame.scope)
  for (const [name, index] of Object.entries(binds))
    scope.bindings.set(name, { value: ofStatic(int(symbol(index))), span: entry.span, mutable: false })
  const slices = (entry.slices ?? []).map((node) => sliceOf({ ...frame, scope }, node))
  const sliced = entry.slices ?? []
  const idle = names.find((name) => !used.has(name) && !sliced.some((node) => names.length > 0 && sliceMentions(node, name)))
  if (idle !== undefined && frame.context.reporter.count === before) {
    complain(frame, {
      code: 'SMOE5003',
      message: `index {${idle}} of the path is not in the name of the tensor, so all weights would share one tensor`,
      span: template.span,
    })
  }
  if (frame.context.reporter.count > before || slices.some((slice) => slice === null)) return null
  return { template: template.value, binds, stacked, slices: slices as WeightSourceFact['slices'], transpose: entry.transpose }
}

const sliceMentions = ({ span }: SliceNode, name: string): boolean =>
  new RegExp(`\\b${name}\\b`).test(span.source.text.slice(span.start, span.end))

function sliceOf(frame: Frame, node: SliceNode): WeightSourceFact['slices'][number] | null {
  if (node.index !== null) {
    const at = wantPlace(frame, node.index, 'an index')
    return at === null ? null : { kind: 'index', at }
  }
  if (node.start === null && node.stop === null && node.step === null) return { kind: 'all' }
  const start = node.start === null ? ZERO : wantPlace(frame, node.start, 'a start')
  const stop = node.stop === null ? null : wantPlace(frame, node.stop, 'an end')
  const step = node.step === null ? 1 : (constantValue(wantFixed(frame, node.step, 'a step') ?? ZERO) ?? 0)
  if (start === null || (node.stop !== null && stop === null)) return null
  if (stop !== null && !isOrdered(frame, node, start, stop)) return null
  if (step >= 1) return { kind: 'range', start, stop, step }
  complain(frame, { code: 'SMOE5004', message: 'a step must be an integer from 1', span: node.step?.span ?? node.span })
  return null
}

/** A place of an axis: from 0, since the length of a stored axis is not known here. Null after a mistake. */
function wantPlace(frame: Frame, expression: Expression, what: string): Dim | null {
  const at = wantFixed(frame, expression, what)
  const ok =
    at !== null &&
    bounded(frame, expression.span, false, () =>
      verify(frame, (lookup) => {
        const value = evaluateSize(at, lookup)
        if (value === undefined || (value >= 0 && value <= LARGEST_PLACE)) return null
        const help = 'indices count from 0; the size of a stored axis is only known when the checkpoint is loaded'
        return {
          code: 'SMOE5004',
          message: `${what} must be from 0 to ${LARGEST_PLACE}, not ${value}`,
          span: expression.span,
          help,
        }
      }),
    )
  return ok ? at : null
}

const isOrdered = (frame: Frame, { span }: SliceNode, start: Dim, stop: Dim): boolean =>
  bounded(frame, span, false, () =>
    verify(frame, (lookup) => {
      const [from, to] = [evaluateSize(start, lookup), evaluateSize(stop, lookup)]
      return from === undefined || to === undefined || from < to
        ? null
        : { code: 'SMOE5004', message: `a slice from ${from} to ${to} is empty`, span }
    }),
  )

const LARGEST_PLACE = 2 ** 31 - 1
