/** Names and doc comments as TypeScript wants them. */

/** What the module imports, and what it uses without an import: a class of that name would take its place. */
const TAKEN: ReadonlySet<string> = new Set([
  'AnswerTextToken',
  'AnswerToken',
  'Checkpoint',
  'Data',
  'Device',
  'IdOptions',
  'LoadOptions',
  'MachinePlans',
  'Plan',
  'Saved',
  'Session',
  'Tensor',
  'TextModel',
  'TextOptions',
  'TokenIds',
  'TrainingFacts',
  'TypedBatchMetrics',
  'TypedEvent',
  'TypedPort',
  'TypedStep',
  'TypedTraining',
  'TypedTrainingOptions',
  'Array',
  'ArrayBuffer',
  'ArrayBufferLike',
  'AsyncGenerator',
  'Float32Array',
  'Infinity',
  'Int32Array',
  'NaN',
  'Number',
  'Object',
  'Pick',
  'Promise',
  'RangeError',
  'Readonly',
  'Record',
  'Symbol',
  'TypeError',
  'Uint8Array',
])

/** `tiny_moe` -> `TinyMoe`, `session` -> `SessionModel` */
export function className(model: string): string {
  const words = model.split(/[^A-Za-z0-9]+/).filter((word) => word !== '')
  const name = words.map((word) => word[0].toUpperCase() + word.slice(1)).join('')
  if (!/^[A-Za-z]/.test(name)) return `Model${name}`
  return TAKEN.has(name) ? `${name}Model` : name
}

/** A property's name, quoted where it is no identifier. */
export const propertyName = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : literal(name))

/** A string literal in the house's quotes. */
export const literal = (text: string): string =>
  `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`

/** Text that cannot end the comment it stands in. */
export const docText = (lines: readonly string[]): string =>
  lines
    .filter((line) => line !== '')
    .join('\n')
    .replaceAll('*/', '*\\/')
