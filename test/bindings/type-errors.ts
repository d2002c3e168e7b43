/** What the type checker says of bindings and of a program that uses them; the package resolves to the sources. */
import { join } from 'node:path'
import ts from 'typescript'

const root = process.cwd()

const options: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  strict: true,
  noEmit: true,
  allowImportingTsExtensions: true,
  erasableSyntaxOnly: true,
  verbatimModuleSyntax: true,
  noUnusedLocals: true,
  skipLibCheck: true,
  types: ['node', '@webgpu/types'],
  lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.esnext.disposable.d.ts'],
  paths: {
    'smoe/runtime': [join(root, 'runtime/index.ts')],
    'smoe/runtime/node': [join(root, 'runtime/node/index.ts')],
    'smoe/generation': [join(root, 'generation/index.ts')],
    'smoe/training': [join(root, 'training/index.ts')],
    'smoe/training/files': [join(root, 'training/files/index.ts')],
    'smoe/compiler/training': [join(root, 'compiler/train.ts')],
    'smoe/std': [join(root, 'cli/std.ts')],
  },
}

const libraries = new Map<string, ts.SourceFile | undefined>()
function cached(name: string, read: () => ts.SourceFile | undefined): ts.SourceFile | undefined {
  if (!libraries.has(name)) libraries.set(name, read())
  return libraries.get(name)
}

/** Messages for files, texts by their names, that lie together in a folder. */
export function typeErrors(texts: Readonly<Record<string, string>>): readonly string[] {
  const files = Object.fromEntries(Object.entries(texts).map(([name, text]) => [join(root, 'test/bindings', name), text]))
  const host = ts.createCompilerHost(options)
  const [exists, read] = [host.fileExists.bind(host), host.getSourceFile.bind(host)]
  host.fileExists = (name) => name in files || exists(name)
  // unless given, folders are not looked for before files
  host.directoryExists = undefined
  host.getSourceFile = (name, language, ...rest) =>
    name in files ? ts.createSourceFile(name, files[name], language) : cached(name, () => read(name, language, ...rest))
  const program = ts.createProgram(Object.keys(files), options, host)
  return Object.keys(files)
    .flatMap((file) => ts.getPreEmitDiagnostics(program, program.getSourceFile(file)))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
}
