/** The tables of the reference, made from what the compiler itself goes by. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BUILTINS, CONSTANTS, FUNCTIONS } from '../../compiler/model/builtin/table.ts'
import { ADAPTERS, INITIALISERS, NUMBERS, OPTIMISERS, SCHEDULES } from '../../compiler/model/methods/methods.ts'
import { rangeText, signatureOf, type Method, type Setting } from '../../compiler/model/methods/setting.ts'
import { codes, type CodeRow } from '../../grammar/codes.ts'
import { parse } from '../../grammar/parse.ts'
import { textOf } from '../../grammar/source.ts'
import { reservedNames } from '../../grammar/tokens.ts'
import { root } from '../support/sources.ts'

const cell = (text: string): string => text.replaceAll('|', '\\|')

const table = (heads: readonly string[], rows: readonly (readonly string[])[]): string =>
  [heads, heads.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |\n`).join('')

const functions = (): string =>
  table(
    ['function', 'gives'],
    [...FUNCTIONS.values()].map((name) => [`\`${BUILTINS[name].signature}\``, BUILTINS[name].doc]),
  )

const constants = (): string =>
  table(
    ['name', 'is'],
    Object.entries(CONSTANTS).map(([name, { doc }]) => [`\`${name}\``, doc]),
  )

function prelude(): string {
  const text = readFileSync(join(root, 'std/prelude.smoe'), 'utf8')
  const { file } = parse({ path: 'std/prelude.smoe', text })
  return table(
    ['function', 'gives'],
    file.declarations.map(({ name, parameters, doc }) => [
      `\`${name.text}(${parameters.map(({ span }) => textOf(span).replace(/\s*\/\/\/.*\n\s*/g, '')).join(', ')})\``,
      doc.join(' ').trim(),
    ]),
  )
}

const codeTable = (): string =>
  table(
    ['code', 'kind', 'what', 'why'],
    Object.entries<CodeRow>(codes).map(([code, { kind = 'mistake', title, explanation }]) => [code, kind, title, explanation]),
  )

const methods = (heads: string, all: Readonly<Record<string, Method>>): string =>
  table(
    [heads, 'is'],
    Object.entries(all).map(([name, method]) => [`\`${signatureOf(name, method)}\``, settled(method)]),
  )

/** Its doc, and what its settings are. */
function settled({ doc, settings }: Method): string {
  const parts = Object.entries<Setting>(settings).map(
    ([name, setting]) => `${name}: ${setting.doc}${setting.type === 'bool' ? '' : `, ${rangeText(setting)}`}`,
  )
  return [doc, ...(parts.length === 0 ? [] : [`${parts.join('; ')}.`])].join(' ')
}

const numbers = (): string =>
  table(
    ['setting', 'is', 'range', 'by default'],
    Object.entries<Setting>(NUMBERS).map(([name, setting]) => [
      `\`${name}\``,
      setting.doc,
      `${setting.type}, ${rangeText(setting)}`,
      String(setting.default ?? 'none'),
    ]),
  )

/** Marker in the page -> its text. */
export const sections: Readonly<Record<string, () => string>> = {
  'table: functions': functions,
  'table: prelude': prelude,
  'table: constants': constants,
  'table: codes': codeTable,
  'table: numbers': numbers,
  'table: optimisers': () => methods('optimiser', OPTIMISERS),
  'table: schedules': () => methods('schedule', SCHEDULES),
  'table: initialisers': () => methods('initialiser', INITIALISERS),
  'table: adapters': () => methods('adapter', ADAPTERS),
  words: () => `${[...reservedNames].map((word) => `\`${word}\``).join(', ')}.\n`,
}
