/** What the values of a kernel of workgroups depend on: the thread, the workgroup, or memory. */
import { operandsOf } from '../../scalar/build.ts'
import type { Expression, Statement } from '../../scalar/expression.ts'
import { allStatements, blocksOf } from '../../scalar/walk.ts'

export interface Dependence {
  /** Differs between the threads of a workgroup as far as WGSL's uniformity analysis knows. */
  readonly thread: boolean
  readonly workgroup: boolean
  /** Read from memory, or changed by assignments: which elements it selects is not known. */
  readonly memory: boolean
}

export const CONSTANT: Dependence = { thread: false, workgroup: false, memory: false }

export const join = (parts: readonly Dependence[]): Dependence => ({
  thread: parts.some(({ thread }) => thread),
  workgroup: parts.some(({ workgroup }) => workgroup),
  memory: parts.some(({ memory }) => memory),
})

const equal = (a: Dependence, b: Dependence): boolean =>
  a.thread === b.thread && a.workgroup === b.workgroup && a.memory === b.memory

export type DependenceOf = (e: Expression) => Dependence

/** What decides how often the blocks of a statement run. */
export const controlOf = (s: Statement, of: DependenceOf): Dependence => {
  switch (s.kind) {
    case 'for':
      return join([s.from, s.below, s.step].map(of))
    case 'if':
      return of(s.condition)
    case 'loop':
      return of(s.while)
    default:
      return CONSTANT
  }
}

/** The dependence of every expression of a body: a fixed point over its variables. */
export function dependences(body: readonly Statement[]): DependenceOf {
  const written = new Set(allStatements(body).flatMap((s) => (s.kind === 'store' ? [s.buffer] : [])))
  const variables = new Map<string, Dependence>([
    ['thread', { ...CONSTANT, thread: true }],
    ['workgroup', { ...CONSTANT, workgroup: true }],
  ])
  let known = new Map<Expression, Dependence>()
  const of: DependenceOf = (e) => {
    const found = known.get(e)
    if (found !== undefined) return found
    const value = e.kind === 'variable' ? (variables.get(e.name) ?? CONSTANT) : join([...operandsOf(e).map(of), ownOf(e)])
    known.set(e, value)
    return value
  }
  const ownOf = (e: Expression): Dependence => {
    if (e.kind === 'element') return { thread: true, workgroup: true, memory: true }
    if (e.kind === 'load') return { thread: written.has(e.buffer), workgroup: written.has(e.buffer), memory: true }
    return CONSTANT
  }
  let changed = true
  const add = (name: string, value: Dependence): void => {
    const before = variables.get(name) ?? CONSTANT
    const after = join([before, value])
    if (equal(before, after)) return
    variables.set(name, after)
    changed = true
  }
  const assigned = (value: Dependence): Dependence => ({ ...value, memory: true })
  const visit = (statements: readonly Statement[], control: Dependence): void => {
    for (const s of statements) {
      if (s.kind === 'let') add(s.name, of(s.value))
      if (s.kind === 'var') add(s.name, assigned(of(s.value)))
      if (s.kind === 'assign') add(s.name, assigned(join([of(s.value), control])))
      if (s.kind === 'for') add(s.variable, join([of(s.from), of(s.step)]))
      if (s.kind === 'reduce') add(s.name, assigned(join([of(s.value), of(s.extent)])))
      if (s.kind === 'all-reduce') add(s.name, { thread: true, workgroup: true, memory: true })
      if (s.kind === 'uniform-load') add(s.name, { thread: false, workgroup: true, memory: true })
      const inner = join([control, controlOf(s, of)])
      for (const block of blocksOf(s)) visit(block, inner)
    }
  }
  while (changed) {
    changed = false
    known = new Map()
    visit(body, CONSTANT)
  }
  known = new Map()
  return of
}
