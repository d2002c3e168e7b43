/**
 * A workgroup of several gangs: its body is cut at barriers, and each segment between two of them is run gang by gang. Control
 * flow around barriers is uniform and is run once; so are values that are the same for the whole workgroup. Other values that a
 * later segment needs are kept in memory, a vector a gang.
 */
import { operandsOf } from '../../scalar/build.ts'
import type { Expression, Statement } from '../../scalar/expression.ts'
import { reductionIdentity } from '../../scalar/reduction.ts'
import { allStatements, blocksOf, synchronizes, valuesOf } from '../../scalar/walk.ts'
import { analyse } from './analysis.ts'
import { emitLanes, emitScalar } from './expression.ts'
import { valueType, type Region, type Variable } from './gang.ts'
import { constant, foldScalar, splat } from './reduction.ts'
import { GANG, UNIFORM, VARYING, type Shape } from './shape.ts'
import { emitStatements } from './statement.ts'

const VECTOR_BYTES = 16

/** The name that a statement defines or changes. */
const nameOf = (s: Statement): string | null =>
  s.kind === 'let' ||
  s.kind === 'var' ||
  s.kind === 'assign' ||
  s.kind === 'reduce' ||
  s.kind === 'all-reduce' ||
  s.kind === 'uniform-load'
    ? s.name
    : null

function variablesIn(e: Expression, into: Set<string>): void {
  if (e.kind === 'variable') into.add(e.name)
  for (const operand of operandsOf(e)) variablesIn(operand, into)
}

/** Names that statements read, those of blocks inside included. */
function namesRead(statements: readonly Statement[]): ReadonlySet<string> {
  const names = new Set<string>()
  for (const s of allStatements(statements)) {
    for (const e of valuesOf(s)) variablesIn(e, names)
    if (s.kind === 'assign') names.add(s.name)
  }
  return names
}

const namesDefined = (statements: readonly Statement[]): readonly string[] =>
  allStatements(statements).flatMap((s) => nameOf(s) ?? [])

/** Runs of statements without a barrier inside, and the statements with one, in all lists around barriers. */
interface Cut {
  readonly segments: readonly (readonly Statement[])[]
  /** Statements of those lists that are values: candidates for being computed once. */
  readonly values: readonly Extract<Statement, { kind: 'let' | 'var' | 'assign' }>[]
}

function cutAtBarriers(statements: readonly Statement[]): Cut {
  const segments: Statement[][] = []
  const values: Extract<Statement, { kind: 'let' | 'var' | 'assign' }>[] = []
  const visit = (list: readonly Statement[]): void => {
    let open: Statement[] = []
    for (const s of list) {
      if (synchronizes(s)) {
        segments.push(open)
        open = []
        blocksOf(s).forEach(visit)
        continue
      }
      if (s.kind === 'let' || s.kind === 'var' || s.kind === 'assign') values.push(s)
      else open.push(s)
    }
    segments.push(open)
  }
  visit(statements)
  return { segments: segments.filter((segment) => segment.length > 0), values }
}

function isUniform(e: Expression, once: ReadonlySet<string>, isShared: (array: string) => boolean): boolean {
  if (e.kind === 'variable') return once.has(e.name)
  if (e.kind === 'element' && !isShared(e.array)) return false
  if (e.kind === 'reduce')
    return isUniform(e.extent, once, isShared) && isUniform(e.body, new Set([...once, e.variable]), isShared)
  return operandsOf(e).every((operand) => isUniform(operand, once, isShared))
}

/** Names whose values are the same for all threads of the workgroup, and are assigned between barriers alone. */
function onceNames(
  statements: readonly Statement[],
  { segments, values }: Cut,
  isShared: (array: string) => boolean,
): ReadonlySet<string> {
  const all = allStatements(statements)
  const given = all.flatMap((s) =>
    s.kind === 'uniform-load' ? [s.name] : s.kind === 'for' && synchronizes(s) ? [s.variable] : [],
  )
  const changed = new Set([...segments.flatMap(namesDefined), ...all.flatMap((s) => (s.kind === 'all-reduce' ? [s.name] : []))])
  const once = new Set(['workgroup', ...given, ...values.map(({ name }) => name).filter((name) => !changed.has(name))])
  for (let before = -1; before !== once.size;) {
    before = once.size
    for (const { name, value } of values) if (!isUniform(value, once, isShared)) once.delete(name)
  }
  return once
}

/** Emits the body for `gangs` gangs of threads. `thread` is the local of the first thread of a gang. */
export function emitSegments(region: Region, statements: readonly Statement[], gangs: number, thread: number): void {
  const { body } = region
  const isShared = (array: string): boolean => region.arrays.get(array)?.isShared ?? false
  const cut = cutAtBarriers(statements)
  const once = onceNames(statements, cut, isShared)
  const read = namesRead(statements)
  const kept = new Set(namesDefined(statements).filter((name) => !once.has(name) && read.has(name)))
  const shapes: readonly (readonly [string, Shape])[] = [...region.variables].map(([name, { shape }]) => [name, shape])
  const analysis = analyse(statements, new Set([...region.arrays.keys()].filter(isShared)), new Map(shapes), kept)

  // a gang's own memory: a vector for each name that is kept, and its threads' arrays
  const slots = new Map([...kept].map((name, at) => [name, at * VECTOR_BYTES]))
  let ownBytes = slots.size * VECTOR_BYTES
  const reserveOwn = (bytes: number): number => {
    const offset = ownBytes
    ownBytes += Math.ceil(bytes / VECTOR_BYTES) * VECTOR_BYTES
    return offset
  }
  const arrays = new Map(region.arrays)
  for (const s of allStatements(statements)) {
    if (s.kind === 'array')
      arrays.set(s.name, { isShared: false, type: s.type, length: s.length, offset: reserveOwn(s.length * VECTOR_BYTES) })
  }
  const base = region.reserve(ownBytes * gangs)
  const own = body.local('i32')
  const offset = (name: string): number => base + slots.get(name)!

  const toGang = (gang: () => void): void => {
    gang()
    body.i32(GANG)
    body.op('i32.mul')
    body.set(thread)
    gang()
    body.i32(ownBytes)
    body.op('i32.mul')
    body.get(region.memory)
    body.op('i32.add')
    body.set(own)
  }
  /** Runs for each gang, with `thread` and `own` set. */
  const eachGang = (run: () => void): void => {
    const gang = body.local('i32')
    body.i32(0)
    body.set(gang)
    body.loop(() => {
      toGang(() => body.get(gang))
      run()
      body.get(gang)
      body.i32(1)
      body.op('i32.add')
      body.tee(gang)
      body.i32(gangs)
      body.op('i32.lt_u')
      body.branchIf(0)
    })
  }

  type Scope = Map<string, Variable>
  const within = (variables: Scope): Region => ({
    ...region,
    variables,
    analysis,
    own,
    ownBase: base,
    arrays: new Map(arrays),
    reserve: reserveOwn,
  })

  const runSegment = (segment: readonly Statement[], variables: Scope): void => {
    if (segment.length === 0) return
    const uses = namesRead(segment)
    const defines = new Set(namesDefined(segment))
    eachGang(() => {
      const inner = within(variables)
      for (const [name, { local, shape }] of variables) {
        if (!kept.has(name) || shape.kind !== 'varying' || !uses.has(name)) continue
        body.get(own)
        body.load('v128.load', offset(name))
        body.set(local)
      }
      emitStatements(inner, segment)
      for (const name of defines) {
        const variable = variables.get(name)
        if (!kept.has(name) || variable === undefined) continue
        body.get(own)
        emitLanes(inner, { kind: 'variable', type: variable.type, name })
        body.store('v128.store', offset(name))
      }
    })
    for (const name of defines) {
      const variable = variables.get(name)
      if (!kept.has(name) || variable === undefined || variable.shape.kind === 'varying') continue
      variables.set(name, { shape: VARYING, type: variable.type, local: body.local('v128') })
    }
  }

  const run = (list: readonly Statement[], variables: Scope): void => {
    let pending: Statement[] = []
    const flush = (): void => {
      runSegment(pending, variables)
      pending = []
    }
    for (const s of list) {
      const isOnce = (s.kind === 'let' || s.kind === 'var' || s.kind === 'assign') && once.has(s.name)
      if (!isOnce && !synchronizes(s)) {
        pending.push(s)
        continue
      }
      flush()
      if (isOnce) emitStatements(within(variables), [s])
      else synchronize(s, variables)
    }
    flush()
  }

  /** A value that all threads agree on; the first gang's where gangs keep it. */
  const agreed = (e: Expression, variables: Scope): void => {
    toGang(() => body.i32(0))
    const inner = new Map(variables)
    for (const name of namesRead([{ kind: 'let', name: '', value: e }])) {
      const variable = variables.get(name)
      if (variable === undefined || variable.shape.kind !== 'varying') continue
      const local = body.local(valueType(variable.type))
      body.get(own)
      body.load(variable.type === 'f32' ? 'f32.load' : 'i32.load', offset(name))
      body.set(local)
      inner.set(name, { shape: UNIFORM, type: variable.type, local })
    }
    emitScalar(within(inner), e)
  }

  const synchronize = (s: Statement, variables: Scope): void => {
    switch (s.kind) {
      case 'barrier':
        return
      case 'all-reduce':
        return allReduce(s, variables)
      case 'uniform-load':
        return emitStatements(within(variables), [s])
      case 'if':
        agreed(s.condition, variables)
        return body.when(
          () => run(s.body, new Map(variables)),
          () => run(s.otherwise, new Map(variables)),
        )
      case 'loop':
        return body.loop(() => {
          const inner = new Map(variables)
          run(s.body, inner)
          agreed(s.while, inner)
          body.branchIf(0)
        })
      case 'for': {
        const [index, below, step] = [body.local('i32'), body.local('i32'), body.local('i32')]
        for (const [e, local] of [
          [s.from, index],
          [s.below, below],
          [s.step, step],
        ] as const) {
          agreed(e, variables)
          body.set(local)
        }
        const inner = new Map(variables).set(s.variable, { shape: UNIFORM, type: s.from.type, local: index })
        return body.block(() =>
          body.loop(() => {
            body.get(index)
            body.get(below)
            body.op(s.from.type === 'i32' ? 'i32.ge_s' : 'i32.ge_u')
            body.branchIf(1)
            run(s.body, new Map(inner))
            body.get(index)
            body.get(step)
            body.op('i32.add')
            body.set(index)
            body.branch(0)
          }),
        )
      }
      default:
        throw new Error(`a ${s.kind} has no barriers inside`)
    }
  }

  /** Folds a kept value over all threads, in order, and leaves it in each. */
  const allReduce = (s: Statement & { kind: 'all-reduce' }, variables: Scope): void => {
    const type = valueType(s.type)
    const [total, value] = [body.local(type), body.local(type)]
    constant(body, s.type, reductionIdentity(s.opcode, s.type))
    body.set(total)
    eachGang(() => {
      for (let lane = 0; lane < GANG; lane++) {
        body.get(own)
        body.load(s.type === 'f32' ? 'f32.load' : 'i32.load', offset(s.name) + 4 * lane)
        body.set(value)
        foldScalar(body, s.opcode, s.type, total, value)
        body.set(total)
      }
    })
    eachGang(() => {
      body.get(own)
      body.get(total)
      splat(body, s.type)
      body.store('v128.store', offset(s.name))
    })
    const known = variables.get(s.name)
    if (known?.shape.kind !== 'varying') variables.set(s.name, { shape: VARYING, type: s.type, local: body.local('v128') })
  }

  run(statements, new Map(region.variables))
}
