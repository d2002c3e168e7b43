/** The checks of style find what is planted, and let clean text pass. */
import { expect, test } from 'vitest'
import { writtenFiles } from '../../../scripts/style/files.ts'
import { reflow } from '../../../scripts/style/reflow.ts'
import { checkStyle, lineOf } from '../../../scripts/style/style.ts'
import { oldWords } from '../../../scripts/style/vocabulary.ts'
import { longLines, WIDTH } from '../../../scripts/style/width.ts'
import { WORDS } from '../../../scripts/style/words.ts'

const of = (path: string, ...lines: readonly string[]) => ({ path, text: `${lines.join('\n')}\n` })
const problemsIn = (...files: readonly ReturnType<typeof of>[]): readonly string[] => checkStyle(files, []).problems.map(lineOf)
const words = 'the words of a sentence that is much too wide for a line '.repeat(3).trim()

test('a planted word and a planted long line are found, with their places and what to write', () => {
  expect(problemsIn(of('compiler/lower/a.ts', 'const isTaught = true', `/** ${words} */`))).toEqual([
    "compiler/lower/a.ts:1: 'Taught': write trainable, reached by a gradient",
    `compiler/lower/a.ts:2: ${words.length + 7} columns: break it at ${WIDTH}`,
  ])
})

test('clean text passes', () => {
  expect(problemsIn(of('compiler/lower/a.ts', '/** Which weights a gradient reaches. */', 'const trainable = true'))).toEqual([])
})

test.each([
  ['an identifier by its parts', 'compiler/lower/a.ts', 'const taughtWeights = 1', 1],
  ['a word of another meaning', 'compiler/lower/a.ts', 'const untaughtness = 1', 0],
  ['a word outside of its folders', 'cli/import/a.ts', 'const heads = 8', 0],
  ['a word within them', 'compiler/kernel/fusion/a.ts', 'const heads = 8', 1],
  ['a message', 'cli/a.ts', 'fail(`${text} is no number`)', 1],
  ['an English sentence in a message', 'cli/a.ts', "fail('there is no file')", 0],
  ['a comment, where only messages count', 'cli/a.ts', '// this is no message', 0],
  ['a message of a test', 'test/cli/a.test.ts', "expect('x is no number')", 0],
])('%s', (_, path, line, count) => {
  expect(oldWords(of(path, line))).toHaveLength(count)
})

test('a word may stand where the table says so', () => {
  const word = { pattern: /old/, instead: 'new', allowed: [{ path: /^docs\//, reason: 'it tells of what was' }] }
  expect(oldWords(of('docs/a.md', 'old'), [word])).toEqual([])
  expect(oldWords(of('cli/a.ts', 'old'), [word])).toHaveLength(1)
})

test('code is left to the formatter, listings and tables of documents to their programs', () => {
  expect(longLines(of('cli/a.ts', `const text = '${words}'`))).toEqual([])
  expect(longLines(of('cli/a.ts', `const text = 1 // ${words}`))).toHaveLength(1)
  expect(longLines(of('docs/a.md', '```', words, '```', `| ${words} |`))).toEqual([])
  expect(longLines(of('docs/a.md', words))).toHaveLength(1)
})

test('a folder that is not yet clean is counted apart', () => {
  const { problems, unclean } = checkStyle([of('compiler/lower/a.ts', 'const taught = 1')], ['compiler/lower', 'compiler/wgsl'])
  expect(problems).toEqual([])
  expect([...unclean].map(([folder, found]) => [folder, found.length])).toEqual([
    ['compiler/lower', 1],
    ['compiler/wgsl', 0],
  ])
})

test('wide comments and paragraphs are broken, and nothing else', () => {
  const source = of('cli/a.ts', `  /** ${words} */`, `  const text = \`${words}\``, `  // ${words}`, '  // @ts-ignore', '')
  const broken = { ...source, text: reflow(source) }
  expect(longLines(broken)).toEqual([])
  expect(broken.text.startsWith('  /**\n   * the words')).toBe(true)
  expect(broken.text).toContain(`\`${words}\``)
  expect(broken.text.replaceAll(/\s+(\*\/?|\/\/)?\s*/g, ' ').length).toBe(
    source.text.replaceAll(/\s+(\*\/?|\/\/)?\s*/g, ' ').length,
  )
  expect(reflow(broken)).toBe(broken.text)
  const page = of('docs/a.md', `- ${words}`, '', '```', words, '```', '', `1. a \`--set V=82\` ${words}`, '', '| a |')
  expect(reflow(page)).toContain(`\`\`\`\n${words}\n\`\`\``)
  expect(longLines({ ...page, text: reflow(page) })).toEqual([])
  expect(reflow({ ...page, text: reflow(page) })).toBe(reflow(page))
})

test('this tree keeps to it', () => {
  expect(checkStyle(writtenFiles(process.cwd())).problems.map(lineOf)).toEqual([])
})

test('each word says what to write, and is allowed somewhere only for a reason', () => {
  for (const { instead, allowed = [] } of WORDS) {
    expect(instead).not.toBe('')
    for (const { reason } of allowed) expect(reason).not.toBe('')
  }
})
