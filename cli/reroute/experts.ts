/** A spec with another number of experts: where the number is said, it is said anew. */
import type { Declaration, Expression, File, MoeExpression } from '../../grammar/ast.ts'
import { parse } from '../../grammar/parse.ts'
import { print } from '../../grammar/print.ts'
import type { Source } from '../../grammar/source.ts'
import { changeMoes } from './walk.ts'

const isNumber = (value: Expression | null): boolean => value?.kind === 'number'

/** The parameter of a model by this name with a number for a default, given another. */
function withDefault(declaration: Declaration, name: string, count: number): Declaration {
  const parameters = declaration.parameters.map((one) => {
    if (one.name.text !== name || one.default?.kind !== 'number') return one
    return { ...one, default: { ...one.default, value: count } }
  })
  return { ...declaration, parameters }
}

/**
 * The text with `count` experts in every layer; null where a number of experts is neither written out nor a model's parameter.
 */
export function withExperts(source: Source, count: number): string | null {
  const { file } = parse(source)
  const names = new Set<string>()
  let isClear = true
  const change = (moe: MoeExpression): MoeExpression => ({
    ...moe,
    clauses: moe.clauses.map((clause) => {
      if (clause.kind !== 'experts') return clause
      if (clause.count.kind === 'number') return { ...clause, count: { ...clause.count, value: count } }
      if (clause.count.kind === 'name') names.add(clause.count.name.text)
      else isClear = false
      return clause
    }),
  })
  const changed = changeMoes(file, change)
  const isParameter = (name: string): boolean =>
    file.declarations.some(
      ({ declares, parameters }) =>
        declares === 'model' && parameters.some((one) => one.name.text === name && isNumber(one.default)),
    )
  if (!isClear || ![...names].every(isParameter)) return null
  const declarations = changed.declarations.map((one) =>
    one.declares === 'model' ? [...names].reduce((made, name) => withDefault(made, name, count), one) : one,
  )
  const made: File = { ...changed, declarations }
  return print(made)
}
