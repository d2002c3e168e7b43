/** A new elementwise op touches what CONTRIBUTING says: the type checker names each place where it is missing, and no other. */
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { root } from '../support/sources.ts'
import { IN_LONG_ALONE } from '../support/runs.ts'

/** The rooms that could have a table of operations. */
const ROOTS = [
  'graph/params',
  'ops/records',
  'autodiff/rules',
  'passes/pipeline',
  'model/builtin/table',
  'kernel/ir/evaluate',
  'wgsl/opcodes',
  'torch/builtins',
]

/** Errors of these rooms, with some files in another text. */
function errorsWith(texts: Readonly<Record<string, string>>): readonly string[] {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
  const options = { ...ts.parseJsonConfigFileContent(config, ts.sys, root).options, types: [], noEmit: true }
  const host = ts.createCompilerHost(options)
  const read = host.readFile.bind(host)
  host.readFile = (file) => texts[relative(root, file)] ?? read(file)
  return ts
    .createProgram(
      ROOTS.map((name) => join(root, 'compiler', `${name}.ts`)),
      options,
      host,
    )
    .getSemanticDiagnostics()
    .map(({ file, messageText }) => `${relative(root, file!.fileName)}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`)
}

const OPERATIONS = 'compiler/scalar/operations.ts'
const ROWS = 'compiler/ops/elementwise.ts'
const OPCODES = 'compiler/wgsl/opcodes.ts'
const BUILTINS = 'compiler/torch/builtins.ts'

/** The text of a file with a line replaced. */
function edited(file: string, line: RegExp, by: (line: string) => string): string {
  const text = readFileSync(join(root, file), 'utf8')
  expect(text).toMatch(line)
  return text.replace(line, by)
}

test(
  'an operation without a row, an opcode or a text in torch is named there, and so is a row that is removed',
  { ...IN_LONG_ALONE, timeout: 120_000 },
  () => {
    const errors = errorsWith({
      [OPERATIONS]: edited(OPERATIONS, /^  atan: .*\n/m, (line) => `${line}  acot: real((x) => Math.atan(1 / x)),\n`),
      [ROWS]: edited(ROWS, /^  atan: .*\n/m, () => ''),
    })
    const files = new Set(errors.map((error) => error.split(':')[0]))
    expect([...files].sort()).toEqual([ROWS, BUILTINS, OPCODES])
    expect(errors.find((error) => error.startsWith(ROWS))).toMatch(/atan.*acot|acot.*atan/)
    expect(errors.find((error) => error.startsWith(OPCODES))).toMatch(/acot/)
  },
)

test('these are the files that CONTRIBUTING names', () => {
  const row = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8').match(/^\| an elementwise op \|(.*)\|$/m)![1]
  expect([...row.matchAll(/`([^`]+)`/g)].map((match) => match[1])).toEqual([OPERATIONS, ROWS, OPCODES, BUILTINS])
})
