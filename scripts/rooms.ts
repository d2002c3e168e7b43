/**
 * Holds the map of the house: refuses any other arrow between rooms, import cycles, libraries outside their fence, policies known
 * by name.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { isBuiltin } from 'node:module'
import ts from 'typescript'

/** A room may import itself and rooms of earlier rows; rooms of one row do not see each other. */
const ORDER: readonly (readonly string[])[] = [
  ['plan', 'grammar'],
  ['compiler/scalar'],
  ['compiler/graph'],
  ['compiler/ops'],
  ['compiler/model'],
  ['compiler/lower'],
  ['compiler/autodiff', 'compiler/passes', 'compiler/reference', 'compiler/recipe.ts', 'compiler/torch'],
  ['compiler/optimisers'],
  ['compiler/kernel'],
  ['compiler/wgsl', 'compiler/wasm'],
  ['compiler/zero-gradient-warnings.ts', 'compiler/frozen-formats.ts'],
  ['compiler/emit'],
  ['compiler/bindings'],
  ['compiler/compile.ts'],
  ['compiler/train.ts'],
  ['runtime'],
  ['training', 'text'],
  ['analysis'],
  ['generation'],
  ['package.json'],
  ['cli'],
  ['scripts', 'bench', 'examples', 'test'],
]

/** Stricter than the order: all that these rooms may see of the house besides themselves. */
const ONLY: Readonly<Record<string, readonly string[]>> = {
  plan: [],
  grammar: [],
  runtime: ['plan'],
  training: ['plan', 'runtime'],
  text: ['runtime'],
}

/** Library -> where it may be imported. `FREE` rooms may import anything. */
const FENCES: Readonly<Record<string, readonly string[]>> = {
  'ts-morph': ['compiler/bindings/'],
  webgpu: ['runtime/dawn/'],
  '@sparticuz/chromium': ['runtime/dawn/'],
  commander: ['cli/'],
  '@huggingface/tokenizers': ['text/tokenizer/'],
  '@huggingface/jinja': ['text/chat/'],
  node: ['cli/', 'runtime/dawn/', 'runtime/node/', 'runtime/files/', 'runtime/checkpoint/', 'training/files/', 'text/'],
}

/** Who may read the syntax tree: what comes after the model knows only the model. */
const TREE = { file: 'grammar/ast.ts', readers: ['grammar', 'compiler/model', 'compiler/compile.ts', 'compiler/train.ts', 'cli'] }

const FREE = ['scripts', 'bench', 'examples', 'test']

interface Import {
  readonly from: string
  /** A file of the house, relative to the root, or the name of a library. */
  readonly to: string
  readonly isLocal: boolean
}

const rank = (room: string): number => ORDER.findIndex((row) => row.includes(room))
const within = (file: string, room: string): boolean => file === room || file.startsWith(`${room}/`)
const roomOf = (file: string): string | undefined => ORDER.flat().find((room) => within(file, room))

function sourcesOf(root: string): readonly string[] {
  const tops = new Set(
    ORDER.flat()
      .filter((room) => !room.endsWith('.json'))
      .map((room) => room.split('/')[0]),
  )
  return [...tops]
    .filter((top) => existsSync(join(root, top)))
    .flatMap((top) =>
      readdirSync(join(root, top), { recursive: true, encoding: 'utf8' }).map((name) => `${top}/${name.replaceAll('\\', '/')}`),
    )
    .filter((file) => file.endsWith('.ts') && !file.includes('/fixtures/') && !file.includes('/node_modules/'))
    .sort()
}

/** A library that a thread is to load: `createRequire(import.meta.url).resolve('library')`. */
const RESOLVED = /\bcreateRequire\([^()]*\)\.resolve\('([^'.][^']*)'\)/g

/** Type imports count: what a room cannot be described without, it depends on. */
function importsOf(root: string, from: string): readonly Import[] {
  const text = readFileSync(join(root, from), 'utf8')
  const names = [
    ...ts.preProcessFile(text).importedFiles.map(({ fileName }) => fileName),
    ...[...text.matchAll(RESOLVED)].map(([, name]) => name),
  ]
  return names.map((name) => {
    const isLocal = name.startsWith('.')
    return { from, to: isLocal ? relative(root, resolve(root, from, '..', name)).replaceAll('\\', '/') : name, isLocal }
  })
}

function arrowProblem({ from, to, isLocal }: Import): string | null {
  const [here, there] = [roomOf(from), roomOf(to)]
  if (here === undefined || !isLocal || here === there || FREE.includes(here)) return null
  if (there === undefined) return `${from} imports ${to}: that lies in no room of the map`
  const allowed = here in ONLY ? ONLY[here].includes(there) : rank(there) < rank(here)
  return allowed ? null : `${from} imports ${to}: ${here} must not see ${there}`
}

function treeProblem({ from, to }: Import): string | null {
  const here = roomOf(from) ?? ''
  if (to !== TREE.file || TREE.readers.includes(here) || FREE.includes(here)) return null
  return `${from} imports ${to}: ${here} must not read the syntax tree`
}

function fenceProblem({ from, to, isLocal }: Import): string | null {
  if (isLocal || FREE.includes(roomOf(from) ?? '')) return null
  const library = isBuiltin(to) ? 'node' : to.split('/', to.startsWith('@') ? 2 : 1).join('/')
  if ((FENCES[library] ?? []).some((place) => from.startsWith(place))) return null
  return `${from} imports ${to}: ${library} stays behind its fence (${FENCES[library]?.join(', ') ?? 'nowhere'})`
}

/** Each cycle once, as the chain of files that closes it. */
function cycles(imports: readonly Import[]): readonly string[] {
  const next = new Map<string, string[]>()
  for (const { from, to, isLocal } of imports) if (isLocal) next.set(from, [...(next.get(from) ?? []), to])
  const state = new Map<string, 'open' | 'done'>()
  const found: string[] = []
  const visit = (file: string, path: readonly string[]): void => {
    if (state.get(file) === 'done') return
    if (state.get(file) === 'open') {
      found.push(`import cycle: ${[...path.slice(path.indexOf(file)), file].join(' -> ')}`)
      return
    }
    state.set(file, 'open')
    for (const to of next.get(file) ?? []) visit(to, [...path, file])
    state.set(file, 'done')
  }
  for (const file of next.keys()) visit(file, [])
  return found
}

/**
 * Names of the policies in `std/policies` that are not at the same time words of the tensor language, or of how a model learns.
 */
function policyNames(root: string): ReadonlySet<string> {
  const folder = join(root, 'std/policies')
  const texts = existsSync(folder) ? readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8')) : []
  const vocabulary = readFileSync(join(root, 'compiler/graph/vocabulary.ts'), 'utf8')
  const names = texts.flatMap((text) => [...text.matchAll(/^policy (\w+)/gm)].map((match) => match[1]))
  const recipe = existsSync(join(root, 'plan/recipe.ts')) ? readFileSync(join(root, 'plan/recipe.ts'), 'utf8') : ''
  return new Set(names.filter((name) => !new RegExp(`^  ${name}:`, 'm').test(vocabulary) && !recipe.includes(`kind: '${name}'`)))
}

/** Where a file of the grammar or the compiler compares with, or keys a table by, the name of a policy. */
function policyProblems(root: string, file: string, names: ReadonlySet<string>): readonly string[] {
  if (!within(file, 'grammar') && !within(file, 'compiler')) return []
  const source = ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), ts.ScriptTarget.Latest)
  const problems: string[] = []
  const visit = (node: ts.Node): void => {
    const text = ts.isStringLiteralLike(node)
      ? node.text
      : ts.isPropertyAssignment(node) && ts.isIdentifier(node.name)
        ? node.name.text
        : ''
    if (names.has(text)) problems.push(`${file}: knows the policy '${text}' by name`)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return problems
}

/** Every breach of the map under a root, one line each; empty where the house is in order. */
export function checkRooms(root: string): readonly string[] {
  const files = sourcesOf(root)
  const imports = files.flatMap((file) => importsOf(root, file))
  const policies = policyNames(root)
  return [
    ...files.filter((file) => roomOf(file) === undefined).map((file) => `${file}: stands in no room of the map`),
    ...imports
      .flatMap((arrow) => [arrowProblem(arrow), treeProblem(arrow), fenceProblem(arrow)])
      .filter((problem) => problem !== null),
    ...cycles(imports),
    ...files.flatMap((file) => policyProblems(root, file, policies)),
  ]
}
