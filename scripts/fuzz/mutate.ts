/** Random edits of text, token by token: most results are wrong in one place, some are still valid. */

/** Uniform in [0, 1). */
export type Random = () => number

const TOKENS = /\/\/[^\n]*|"[^"\n]*"|\d+(?:\.\d+)?(?:e[+-]?\d+)?|\w+|\s+|->|\.\.\.?|==|!=|<=|>=|[^\w\s]/g

export const tokensOf = (text: string): string[] => text.match(TOKENS) ?? []

/** Numbers at which arithmetic of sizes, i32 and f32 changes its behaviour, and the usual small ones. */
const NUMBERS = [
  '0',
  '1',
  '2',
  '3',
  '4',
  '5',
  '7',
  '8',
  '16',
  '64',
  '0.5',
  '1.5',
  '1e-6',
  '-1',
  '1000',
  '65535',
  '65536',
  '2147483647',
  '2147483648',
  '4294967296',
  '9007199254740991',
  '9007199254740993',
  '1e38',
  '1e39',
  '1e308',
  '1e309',
  '1e-46',
]

/** Words and operators of the language, of other languages, and names that objects of JavaScript have anyway. */
const WORDS = [
  'let',
  'var',
  'param',
  'input',
  'output',
  'return',
  'if',
  'then',
  'else',
  'repeat',
  'in',
  'when',
  'training',
  'select',
  'top',
  'by',
  'weigh',
  'loss',
  'once',
  'assert',
  'not',
  'and',
  'or',
  'true',
  'false',
  'f32',
  'i32',
  'bool',
  'int',
  'real',
  'string',
  'model',
  'policy',
  'expert',
  'block',
  'fn',
  'experts',
  'route',
  'require',
  'capacity',
  'shared',
  'dropless',
  'x',
  'D',
  'E',
  'T',
  'B',
  'S',
  'k',
  'selected',
  'softmax',
  'sum',
  'mean',
  'max',
  'min',
  'exp',
  'log',
  'sqrt',
  'pick',
  'take',
  'iota',
  'reshape',
  'rearrange',
  'cumsum',
  'where',
  'stop',
  'cast',
  'top_k',
  'clamp',
  'concat',
  'toString',
  'constructor',
  '__proto__',
  'hasOwnProperty',
  '+',
  '-',
  '*',
  '/',
  '%',
  '@',
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  ',',
  ':',
  '=',
  '==',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  '.',
  '.T',
  '..',
  '...',
  '->',
  '|',
  '||',
  '&&',
  '!',
  '**',
  '\n',
  '"',
  '///',
  '#',
  '\u0000',
  'é',
  '𝕏',
]

const pick = <T>(items: readonly T[], random: Random): T => items[Math.floor(random() * items.length)]

/** Returns the changed tokens; `others` are tokens of other texts. */
type Edit = (tokens: readonly string[], at: number, random: Random, others: readonly string[]) => readonly string[]

const replaceAt = (tokens: readonly string[], at: number, ...put: readonly string[]): readonly string[] => [
  ...tokens.slice(0, at),
  ...put,
  ...tokens.slice(at + 1),
]

const isName = (token: string): boolean => /^[A-Za-z_]\w*$/.test(token)
const isNumber = (token: string): boolean => /^\d/.test(token)

/** Another token of the same kind from the same text: the edit that most often leaves a valid spec. */
const alike: Edit = (tokens, at, random) => {
  const kind = [isName, isNumber, (token: string) => !isName(token) && !isNumber(token) && token.trim() !== ''].find((is) =>
    is(tokens[at]),
  )
  return kind === undefined ? tokens : replaceAt(tokens, at, pick(tokens.filter(kind), random))
}

const number: Edit = (tokens, at, random) =>
  replaceAt(tokens, isNumber(tokens[at]) ? at : Math.max(0, tokens.findIndex(isNumber)), pick(NUMBERS, random))

const remove: Edit = (tokens, at) => replaceAt(tokens, at)
const insert: Edit = (tokens, at, random, others) =>
  replaceAt(tokens, at, tokens[at], ' ', pick(random() < 0.5 ? WORDS : others, random), ' ')
const replace: Edit = (tokens, at, random, others) => replaceAt(tokens, at, pick(random() < 0.5 ? WORDS : others, random))
const repeat: Edit = (tokens, at) => replaceAt(tokens, at, tokens[at], ' ', tokens[at])

const swap: Edit = (tokens, at, random) => {
  const other = Math.floor(random() * tokens.length)
  return tokens.map((token, i) => (i === at ? tokens[other] : i === other ? tokens[at] : token))
}

/** Expressions over one operand. */
const FRAMES = [
  '(_ + 1)',
  '(_ * 2)',
  '(-_)',
  '(_ / 2)',
  '(_ % 3)',
  '(_ * 0.0)',
  '(_ ** 2)',
  'exp(_)',
  'cumsum(_)',
  'sum(_, keep = true)',
  '_.T',
  '_[:, 0:1]',
  'stop(_)',
]

/** A number or a name becomes a small expression over it. */
const wrap: Edit = (tokens, at, random) => {
  const token = tokens[at]
  if (!isName(token) && !isNumber(token)) return tokens
  return replaceAt(tokens, at, pick(FRAMES, random).replace('_', token))
}

/** Lines removed, repeated or moved. */
const lines: Edit = (tokens, _, random) => {
  const all = tokens.join('').split('\n')
  const [from, to] = [Math.floor(random() * all.length), Math.floor(random() * all.length)]
  const line = all[from]
  const rest = random() < 0.5 ? all.filter((_, i) => i !== from) : all
  return [[...rest.slice(0, to), ...(random() < 0.3 ? [] : [line]), ...rest.slice(to)].join('\n')]
}

/** The end of the text is lost, as when a file is cut. */
const cut: Edit = (tokens, at) => tokens.slice(0, at)

/** Words that are often interchangeable: an edit among them mostly leaves a valid spec that computes something else. */
const FAMILIES: readonly (readonly string[])[] = [
  ['+', '-', '*', '/', '%'],
  [
    'exp',
    'tanh',
    'sigmoid',
    'abs',
    'sin',
    'cos',
    'erf',
    'relu',
    'silu',
    'gelu',
    'gelu_tanh',
    'softplus',
    'softmax',
    'log_softmax',
    'cumsum',
    'floor',
    'sign',
    'stop',
  ],
  ['sum', 'mean', 'max', 'min'],
  ['maximum', 'minimum'],
  ['==', '!=', '<', '<=', '>', '>='],
  ['true', 'false'],
  ['and', 'or'],
  ['dropless', 'capacity 1.25 overflow drop', 'capacity 1.5 overflow next'],
]

const familyOf = (token: string): readonly string[] | undefined => FAMILIES.find((family) => family.includes(token))

const SMALL = ['0', '1', '2', '3', '4', '6', '8', '12', '0.25', '0.5', '1.5', '2.0', '-1']

const relative: Edit = (tokens, _, random) => {
  const places = tokens.flatMap((token, at) => (familyOf(token) === undefined ? [] : [at]))
  if (places.length === 0) return tokens
  const at = pick(places, random)
  return replaceAt(tokens, at, pick(familyOf(tokens[at])!, random))
}

const small: Edit = (tokens, _, random) => {
  const places = tokens.flatMap((token, at) => (isNumber(token) && tokens[at - 1] !== 'f' ? [at] : []))
  return places.length === 0 ? tokens : replaceAt(tokens, pick(places, random), pick(SMALL, random))
}

/** Share of the mutants with mild edits alone. */
const MILD_SHARE = 0.45

const MILD: readonly (readonly [weight: number, Edit])[] = [
  [4, relative],
  [3, small],
  [2, wrap],
  [1, alike],
]

const EDITS: readonly (readonly [weight: number, Edit])[] = [
  [8, alike],
  [4, number],
  [3, wrap],
  [2, remove],
  [2, insert],
  [2, replace],
  [1, repeat],
  [1, swap],
  [1, lines],
  [0.2, cut],
]

function drawEdit(edits: typeof EDITS, random: Random): Edit {
  let left = random() * edits.reduce((sum, [weight]) => sum + weight, 0)
  return (edits.find(([weight]) => (left -= weight) < 0) ?? edits[0])[1]
}

/** One to three edits of a text. */
export function mutate(text: string, random: Random, others: readonly string[]): string {
  const edits = random() < MILD_SHARE ? MILD : EDITS
  const count = 1 + Math.floor(random() ** 2 * 3)
  let changed = text
  for (let i = 0; i < count; i++) {
    const tokens = tokensOf(changed)
    const solid = tokens.flatMap((token, at) => (token.trim() === '' || token.startsWith('//') ? [] : [at]))
    if (solid.length > 0) changed = drawEdit(edits, random)(tokens, pick(solid, random), random, others).join('')
  }
  return changed
}
