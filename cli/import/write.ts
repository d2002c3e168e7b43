/** Writes a model as readable spec text. The words stand in the order a person would say them; the formatter lays them out. */
import { parse } from '../../grammar/parse.ts'
import { print, printedWidth } from '../../grammar/print.ts'
import { weightLines } from './names/table.ts'
import type { ParameterText } from './parameter.ts'
import type { Imports, Weights } from './part.ts'

export interface ModelText {
  readonly name: string
  /** One sentence, then the paper. */
  readonly doc: string
  readonly imports: Imports
  readonly parameters: readonly ParameterText[]
  readonly body: readonly string[]
  /** Path of a weight -> its source in the checkpoint. */
  readonly weights: Weights
}

/** A real, so written that it reads as one: `1e-5`, `0.5`, `10000.0`, `1e6`. */
export function realText(value: number): string {
  const plain = Number.isInteger(value) ? `${value}.0` : String(value)
  const scientific = value.toExponential().replace('e+', 'e')
  const isFar = value < 1e-2 || value >= 1e5
  return isFar && scientific.length < plain.length ? scientific : plain.replace('e+', 'e')
}

/** A statement of a model with its documentation: behind it where the line has room, else above it. */
export function documented(statement: string, doc: string): readonly string[] {
  const line = `${statement}  /// ${doc}`
  return 2 + line.length <= printedWidth ? [line] : [`/// ${doc}`, statement]
}

function parameterText({ name, type, range, value, doc }: ParameterText): string {
  const limits = range === '' ? '' : ` in ${range}`
  return `  ${name}: ${type}${limits} = ${type === 'int' ? value : realText(value)},  /// ${doc}`
}

const importText = ([module, names]: readonly [string, readonly string[]]): string =>
  `import { ${[...names].sort().join(', ')} } from "std/${module}"`

/** The spec as `smoe fmt` prints it. Throws where the text is no spec: that is a bug of this file or its callers. */
export function writeModel(model: ModelText): string {
  const weights = weightLines(model.weights).map((line) => `    ${line}`)
  const imports = Object.entries(model.imports).sort(([a], [b]) => (a < b ? -1 : 1))
  const text = [
    ...imports.map(importText),
    '',
    `/// ${model.doc}`,
    `model ${model.name}(`,
    ...model.parameters.map(parameterText),
    ') {',
    ...model.body.map((line) => `  ${line}`),
    '',
    '  weights {',
    ...weights,
    '  }',
    '}',
    '',
  ].join('\n')
  const { file, diagnostics } = parse({ path: `${model.name}.smoe`, text })
  if (diagnostics.length > 0) throw new Error(`the imported spec does not parse: ${diagnostics[0].message}\n${text}`)
  return print(file)
}
