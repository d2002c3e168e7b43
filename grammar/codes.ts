/**
 * Every diagnostic there is. SMOE1xxx form, SMOE2xxx names and imports, SMOE3xxx types and dimensions, SMOE4xxx ranges and
 * constraints, SMOE5xxx weights, SMOE6xxx limits of the target.
 */

/** `mistake`: the text breaks a rule. `unsupported`: the text is right, but this version cannot do it yet. */
export type CodeKind = 'mistake' | 'unsupported'

export interface CodeRow {
  /** `mistake` where it is absent. */
  readonly kind?: CodeKind
  readonly title: string
  readonly explanation: string
  /** A short text that brings the diagnostic about. */
  readonly example: string
}

const rows = {
  SMOE1001: {
    title: 'unexpected form',
    explanation: 'The statement or expression does not have a form of the language; the message says what was expected at that place.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return x +\n}',
  },
  SMOE1002: {
    title: 'character without a meaning',
    explanation: 'The character belongs to no word, number, string or sign. It is left out, and the rest is read as though it were not there.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return $x\n}',
  },
  SMOE1003: {
    title: 'malformed number',
    explanation: 'Numbers are written `12`, `1.5` or `1e-5`. A whole number must be at most 9007199254740991, any number finite.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return x * 0x1F\n}',
  },
  SMOE1004: {
    title: 'string without an end',
    explanation: 'A string begins and ends with `"` on one line.',
    example: 'import { top_k } from "std/policies/top_k',
  },
  SMOE1005: {
    title: 'unknown escape',
    explanation: 'A string knows the escapes `\\"`, `\\\\`, `\\n`, `\\r`, `\\t` and no others.',
    example: 'import { top_k } from "std\\policies"',
  },
  SMOE1006: {
    title: 'bracket without an end',
    explanation: 'A `(`, `[` or `{` is not closed before the statement, the block or the file ends.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return exp(x\n}',
  },
  SMOE1007: {
    title: 'bracket without a beginning',
    explanation: 'A `)`, `]` or `}` closes nothing.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return exp(x))\n}',
  },
  SMOE1008: {
    title: 'nested too deeply',
    explanation: 'Brackets, blocks, conditionals and chains of operators may be nested 200 levels deep; a `let` names a part of the expression.',
    example: `fn f(x: f32[N]) -> f32[N] {\n  return ${'('.repeat(201)}x${')'.repeat(201)}\n}`,
  },
  SMOE1009: {
    title: 'file too large',
    explanation: 'A file may hold 4 MiB.',
    example: '// a file of more than 4 MiB',
  },
  SMOE1010: {
    title: 'not a declaration',
    explanation: 'A file holds imports and declarations: `import`, `fn`, `block`, `expert`, `policy`, `model`.',
    example: 'modle tiny() {\n}',
  },
  SMOE1011: {
    title: 'not a statement',
    explanation: 'A statement begins with its keyword or with `name =`; a clause of `moe` with `experts`, `route`, `shared` or `require`.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  retrun x\n}',
  },
  SMOE1012: {
    title: 'reserved word as a name',
    explanation: 'A reserved word cannot name a value, a parameter or a declaration.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  let repeat = x\n  return x\n}',
  },
  SMOE1013: {
    title: 'sign of another language',
    explanation: 'The sign or comment is written otherwise here: `and`, `or`, `not`, `//` for comments, `"` for strings, statements without `;`.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return where(x > 0 && x < 1, x, 0)\n}',
  },
  SMOE1014: {
    title: 'positional argument after a named one',
    explanation: 'Positional arguments come first, in the order of the parameters, and named ones after them.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return sum(axis = -1, x)\n}',
  },
  SMOE1015: {
    title: 'tensor type expected',
    explanation: 'Inputs, outputs and parameters of a model are tensors: `f32[B, S, D]`.',
    example: 'model m() {\n  input x: int\n}',
  },
  SMOE1016: {
    title: 'import after a declaration',
    explanation: 'Imports stand at the top of the file.',
    example: 'fn f(x: f32[N]) -> f32[N] { return x }\nimport { top_k } from "std/policies/top_k"',
  },
  SMOE1017: {
    title: 'too many mistakes',
    explanation: 'Only the first mistakes are shown; the rest is probably no text of this language.',
    example: '// hundreds of mistakes',
  },
} as const satisfies Readonly<Record<string, CodeRow>>

export type Code = keyof typeof rows

export const codes: { readonly [C in Code]: CodeRow } = rows

export const isCode = (code: string): code is Code => Object.hasOwn(rows, code)
