/** The tree with some files written anew in memory: type checked, and run, without a copy on disk. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import ts from 'typescript'
import { read, root } from './sources.ts'

/** Path from the root -> text. */
export type Overlay = ReadonlyMap<string, string>

const textOf = (overlay: Overlay, path: string): string | undefined => overlay.get(relative(root, path).replaceAll('\\', '/'))

const config = ts.getParsedCommandLineOfConfigFile(
  join(root, 'tsconfig.json'),
  {},
  { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => {} },
)!

/** Files of the tree as they are, parsed once. */
const parsed = new Map<string, ts.SourceFile | undefined>()

function hostOf(overlay: Overlay): ts.CompilerHost {
  const host = ts.createCompilerHost(config.options)
  const own = host.getSourceFile.bind(host)
  return {
    ...host,
    fileExists: (path) => textOf(overlay, path) !== undefined || ts.sys.fileExists(path),
    readFile: (path) => textOf(overlay, path) ?? ts.sys.readFile(path),
    getSourceFile: (path, target) => {
      const text = textOf(overlay, path)
      if (text !== undefined) return ts.createSourceFile(path, text, target, true)
      if (!parsed.has(path)) parsed.set(path, own(path, target))
      return parsed.get(path)
    },
  }
}

/** What the type checker says of some files, a line each: `path: message`. */
export function typeProblems(overlay: Overlay, files: readonly string[]): readonly string[] {
  const program = ts.createProgram(
    files.map((path) => join(root, path)),
    config.options,
    hostOf(overlay),
  )
  return files.flatMap((path) => {
    const source = program.getSourceFile(join(root, path))
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ messageText }) => `${path}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    )
  })
}

/**
 * The exports of an entry that imports files of the tree by their paths from the root, with the standard library that is
 * overlaid.
 */
export async function importWith<T>(overlay: Overlay, entry: string): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'smoe-overlay-'))
  const { stdFiles } = (await import(pathToFileURL(join(root, 'scripts/bundle.mjs')).href)) as {
    stdFiles: () => readonly string[]
  }
  const specs = [...new Set([...stdFiles(), ...overlay.keys()])].filter((path) => path.startsWith('std/'))
  const std = Object.fromEntries(
    specs.map((path) => [path.replace(/\.smoe$/, ''), overlay.get(path) ?? read(join(root, path)).text]),
  )
  try {
    const { outputFiles } = await build({
      stdin: { contents: entry, resolveDir: root, sourcefile: 'entry.ts', loader: 'ts' },
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'node',
      logLevel: 'silent',
      define: {
        STD_FILES: JSON.stringify(std),
        'import.meta.url': JSON.stringify(pathToFileURL(join(root, 'test/support/overlay.ts')).href),
      },
      plugins: [
        {
          name: 'overlay',
          setup: ({ onResolve, onLoad }) => {
            onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir }) => {
              const found = resolve(resolveDir, path)
              return textOf(overlay, found) === undefined ? undefined : { path: found }
            })
            onLoad({ filter: /\.ts$/ }, ({ path }) => {
              const contents = textOf(overlay, path)
              return contents === undefined ? undefined : { contents, loader: 'ts', resolveDir: dirname(path) }
            })
          },
        },
      ],
    })
    const file = join(folder, 'entry.mjs')
    writeFileSync(file, outputFiles[0].contents)
    return (await import(pathToFileURL(file).href)) as T
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
