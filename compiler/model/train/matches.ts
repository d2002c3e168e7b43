/** Patterns against the weights of the model. */
import type { InitialiseStatement, Name, StringLiteral, WeightSelection } from '../../../grammar/ast.ts'
import { closest } from '../../../grammar/suggest.ts'
import { complain, lookupIn, type Frame } from '../context/context.ts'
import { nearest } from '../context/names.ts'
import type { InitialiserFact, WeightPattern } from '../model.ts'
import { instancesOf, type WeightInstance } from '../weights/paths.ts'
import { initialiserOf, ORTHOGONAL } from '../methods/method.ts'
import { fits } from './pattern.ts'

/** The label of a pattern that is in no path, and the nearest one. */
function advice(pattern: string, paths: readonly string[]): string | null {
  const labels = new Set(paths.flatMap((path) => path.split('.')))
  const odd = pattern.split(/[.*]+/).find((word) => word !== '' && ![...labels].some((label) => label.includes(word)))
  const meant = odd === undefined ? null : closest(odd, labels)
  if (meant !== null) return `did you mean ${meant}?`
  return paths.length === 0 ? null : `paths look like ${paths[0]}; \`*\` matches any characters`
}

/** The weights that a pattern matches; null if there is none, which is reported. */
export function matchesOf(frame: Frame, { value, span }: StringLiteral): readonly WeightInstance[] | null {
  const { context, declaration } = frame
  const all = instancesOf(context.weights, lookupIn(context))
  const found = all.filter(({ path }) => fits(value, path))
  // loops have no ends before the parameters have values
  if (found.length > 0 || context.isAlone || declaration.isPartial || context.broken.length > 0) return found
  complain(frame, {
    code: 'SMOE5005',
    message: `no weight has a path that matches ${JSON.stringify(value)}`,
    span,
    help: () =>
      advice(
        value,
        all.map(({ path }) => path),
      ),
  })
  return null
}

/** Whether a pair of low rank can stand beside a weight: of a bank, beside one expert's. */
const isMatrix = ({ fact }: WeightInstance): boolean => fact.term.shape.length === 2

/**
 * What `learns` names: at least one weight, and a matrix where low-rank pairs are to stand beside them. Null after a mistake.
 */
export function readSelection(frame: Frame, selection: WeightSelection, wantsMatrix: boolean): WeightPattern | null {
  const named: WeightPattern =
    selection.kind === 'string' ? { kind: 'pattern', pattern: selection.value } : { kind: 'label', label: selection.name.text }
  const found = selection.kind === 'string' ? matchesOf(frame, selection) : labelled(frame, selection.name)
  if (found === null) return null
  if (!wantsMatrix || found.length === 0 || found.some(isMatrix)) return named
  complain(frame, {
    code: 'SMOE3001',
    message: `lora needs a weight of two axes, but ${found[0].path} has ${found[0].fact.term.shape.length}`,
    span: selection.span,
    help: 'weights of other axes train themselves: `learns` without `lora`',
  })
  return null
}

/** The weights that have a label on their path; null if there is none, which is reported. */
function labelled(frame: Frame, name: Name): readonly WeightInstance[] | null {
  const { context, declaration } = frame
  const all = instancesOf(context.weights, lookupIn(context))
  const found = all.filter(({ path }) => path.split('.').includes(name.text))
  if (found.length > 0 || context.isAlone || declaration.isPartial || context.broken.length > 0) return found
  complain(frame, {
    code: 'SMOE5005',
    message: `no weight has the label ${name.text} on its path`,
    span: name.span,
    ...nearest(
      name,
      () => new Set(all.flatMap(({ path }) => path.split('.'))),
      'a string is a pattern over whole paths, as in learns "*.router.*"',
    ),
  })
  return null
}

export function readInitialiser(frame: Frame, { pattern, method: call }: InitialiseStatement): InitialiserFact | null {
  const method = initialiserOf(frame, call, null)
  const matched = pattern === null ? [] : matchesOf(frame, pattern)
  if (method === null || matched === null) return null
  const flat = method.kind === ORTHOGONAL ? matched.find(({ fact }) => fact.term.shape.length < 2) : undefined
  if (flat !== undefined) {
    complain(frame, {
      code: 'SMOE3001',
      message: `${ORTHOGONAL} needs weights of two axes or more, but ${flat.path} has ${flat.fact.term.shape.length}`,
      span: call.span,
    })
  }
  return { pattern: pattern?.value ?? null, method }
}
