/** The spec of a smaller model: each moe with a number of experts for each of its layers, which no config holds. */
import type { Expression, File } from '../../grammar/ast.ts'
import { parse } from '../../grammar/parse.ts'
import { print } from '../../grammar/print.ts'
import type { Span } from '../../grammar/source.ts'
import { check } from '../../compiler/model/check.ts'
import type { Model, MoeTerm } from '../../compiler/model/model.ts'
import { EXIT, Failure } from '../exit.ts'
import { withoutCodes } from '../export/config.ts'
import { lowered, saidBy, type Given } from '../export/given.ts'
import { refusalOf, type Lowered } from '../export/refusal.ts'
import type { WeightsAs } from '../export/tensors.ts'
import { createLoader } from '../load.ts'
import { changeMoes } from '../reroute/walk.ts'
import type { Terminal } from '../terminal.ts'
import type { PrunedLayer } from './layers.ts'

export interface SpecModel {
  /** Of the file: `mixtral.smoe`. */
  readonly name: string
  readonly text: string
  /** With weights in the layout of the hub. */
  readonly model: Lowered
  /** Why no config says it; null where one could. */
  readonly reason: string | null
}

/** An index of a loop, and a number for each of its values that has a layer. */
interface Counts {
  readonly index: string | null
  readonly byIndex: readonly (readonly [at: number, count: number])[]
}

const INDEX = /\{([^}]*)\}/g

/** The layers that a moe of the text stands for. Throws a Failure for one under several loops. */
function countsOf({ path }: MoeTerm, layers: readonly PrunedLayer[]): Counts {
  const pattern = path.join('.')
  const indices = [...pattern.matchAll(INDEX)].map(([, name]) => name)
  if (indices.length > 1) throw new Failure(EXIT.usage, `${pattern} is repeated by several loops: its layers have no one index`)
  const of = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll(INDEX, '(\\d+)')}$`)
  const byIndex = layers.flatMap(({ path: layer, kept }) => {
    const [match, at = '0'] = of.exec(layer) ?? []
    return match === undefined ? [] : [[Number(at), kept.length] as const]
  })
  return { index: indices.at(0) ?? null, byIndex }
}

/** `if i < 2 then 6 else if i < 3 then 4 else 5`, or one number. */
function expressionOf({ index, byIndex }: Counts, span: Span): Expression {
  const number = (value: number): Expression => ({ kind: 'number', value, isInteger: true, span })
  const runs = byIndex.filter(([, count], at) => at === byIndex.length - 1 || byIndex[at + 1][1] !== count)
  const [[, last], ...earlier] = runs.toReversed()
  return earlier.reduce<Expression>((otherwise, [at, count]) => {
    const left: Expression = { kind: 'name', name: { text: index!, span }, span }
    const condition: Expression = { kind: 'binary', operator: '<', left, right: number(at + 1), span }
    return { kind: 'conditional', condition, then: number(count), otherwise, span }
  }, number(last))
}

/** The tree with these numbers in the place of those of its moes. */
function withCounts(file: File, { moes }: Model, layers: readonly PrunedLayer[]): File {
  return changeMoes(file, (moe) => {
    const term = moes.find(({ origin }) => origin.span?.start === moe.span.start)
    if (term === undefined) return moe
    const counts = countsOf(term, layers)
    return {
      ...moe,
      clauses: moe.clauses.map((clause) =>
        clause.kind === 'experts' ? { ...clause, count: expressionOf(counts, clause.count.span) } : clause,
      ),
    }
  })
}

/** Throws a Failure for numbers that a policy does not allow. */
function modelOf(name: string, text: string, terminal: Terminal): Model {
  const { model, diagnostics } = check(parse({ path: name, text }).file, { load: createLoader(terminal), set: {} })
  if (model !== null) return model
  throw new Failure(EXIT.usage, diagnostics[0].message, 'nothing was written')
}

/** Weights are read from the names of the hub. Throws a Failure for numbers that the spec cannot have. */
export function specWithCounts(given: Given, layers: readonly PrunedLayer[], as: WeightsAs, terminal: Terminal): SpecModel {
  const { type, changed } = given
  const said = saidBy('the config', as === 'shipped' ? changed : withoutCodes(changed, type), terminal)
  const name = `${type}.smoe`
  const { file } = parse({ path: name, text: said.imported.spec })
  const text = print(withCounts(file, said.model, layers))
  const model = lowered(modelOf(name, text, terminal))
  return { name, text, model, reason: refusalOf(model, said, { type, fields: said.imported.fields }) }
}
