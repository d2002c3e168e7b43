/** Finds the old words of the table in files, each with its place and what to write instead. */
import ts from 'typescript'
import type { SourceFile } from './files.ts'
import type { Problem } from './problem.ts'
import { WORDS, type Word } from './words.ts'

/** The table has every word, and its test; the glossary says what they were; decisions tell of their time. */
const EXEMPT: readonly RegExp[] = [/^scripts\/style\/(words|unclean)\.ts$/, /^test\/scripts\/style\//, /^docs\/glossary\.md$/]

const isBelow = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`)

function applies({ where, isMessage, allowed = [] }: Word, path: string): boolean {
  if (isMessage === true && !/^(?!test\/|scripts\/).*\.ts$/.test(path)) return false
  if (where !== undefined && !where.some((folder) => isBelow(path, folder))) return false
  return !allowed.some((one) => one.path.test(path))
}

/** The text with all but its strings blank, so that places stay. */
function stringsOf(path: string, text: string): string {
  const kept: (readonly [number, number])[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node))
      kept.push([node.getStart(), node.getEnd()])
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true))
  let [at, out] = [0, '']
  for (const [from, to] of kept) {
    out += text.slice(at, from).replace(/[^\n]/g, ' ') + text.slice(from, to)
    at = to
  }
  return out
}

/** Every old word in a file. */
export function oldWords({ path, text }: SourceFile, words: readonly Word[] = WORDS): readonly Problem[] {
  if (EXEMPT.some((pattern) => pattern.test(path))) return []
  const here = words.filter((word) => applies(word, path) && word.pattern.test(text))
  if (here.length === 0) return []
  const lines = text.split('\n')
  const strings = here.some(({ isMessage }) => isMessage) ? stringsOf(path, text).split('\n') : []
  return here
    .flatMap(({ pattern, instead, isMessage }) =>
      (isMessage === true ? strings : lines).flatMap((line, at) => {
        const found = pattern.exec(line)
        return found === null ? [] : [{ path, line: at + 1, message: `'${found[0]}': write ${instead}` }]
      }),
    )
    .toSorted((a, b) => a.line - b.line)
}
