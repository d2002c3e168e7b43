import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { TokenizerError } from '../../../text/tokenizer/errors.ts'
import { openTokenizer } from '../../../text/tokenizer/open.ts'

interface Cases {
  readonly texts: readonly string[]
  readonly cases: readonly {
    readonly name: string
    readonly tokenizer: unknown
    readonly ids: readonly (readonly number[])[]
  }[]
}

const FILE = new URL('../../fixtures/tokenizers/cases.json', import.meta.url)
const { texts, cases } = JSON.parse(readFileSync(FILE, 'utf8')) as Cases

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))

for (const { name, tokenizer, ids } of cases) {
  test(`${name}: the ids of the tokenizers crate`, async () => {
    const opened = await openTokenizer(bytes(tokenizer))
    try {
      for (const [at, text] of texts.entries()) {
        const encoded = await opened.encode(text)
        expect({ text, ids: [...encoded] }).toEqual({ text, ids: ids[at] })
      }
    } finally {
      await opened.close()
    }
  })
}

const valid = cases[0].tokenizer as Readonly<Record<string, unknown>>

/** The error of a tokenizer that differs from a valid one, after it has worked on a text. */
async function errorOf(changes: Readonly<Record<string, unknown>>, text: string, deadline?: number): Promise<TokenizerError> {
  try {
    const opened = await openTokenizer(bytes({ ...valid, ...changes }), deadline === undefined ? {} : { deadline })
    try {
      await opened.encode(text)
    } finally {
      await opened.close()
    }
  } catch (problem) {
    if (problem instanceof TokenizerError) return problem
    throw problem
  }
  throw new Error('it was accepted')
}

const split = (regex: string): unknown => ({ type: 'Split', pattern: { Regex: regex }, behavior: 'Isolated', invert: false })

test('a pattern that backtracks for years ends at the deadline, and the process goes on', async () => {
  const start = performance.now()
  const error = await errorOf({ pre_tokenizer: split('(x+x+)+y') }, 'x'.repeat(60), 1500)
  expect(error).toMatchObject({ code: 'deadline', message: 'tokenizing a text took longer than 2 s' })
  expect(performance.now() - start).toBeLessThan(20_000)
})

test('a pattern that is compiled in exponential time ends at the deadline, and its process with it', async () => {
  const pattern = { Regex: `${'x?'.repeat(40)}${'x'.repeat(40)}` }
  const start = performance.now()
  const error = await errorOf({ normalizer: { type: 'Replace', pattern, content: 'y' } }, 'abc', 500)
  expect(error.code).toBe('deadline')
  // no thread is ended while V8 compiles: it would take minutes
  expect(performance.now() - start).toBeLessThan(30_000)
})

test('a normalizer that doubles a text again and again is ended', async () => {
  const twice = { type: 'Replace', pattern: { String: 'x' }, content: 'xx' }
  const error = await errorOf(
    { normalizer: { type: 'Sequence', normalizers: Array.from({ length: 60 }, () => twice) } },
    'x',
    1500,
  )
  expect(['memory', 'failed', 'deadline']).toContain(error.code)
})

test('a pattern that no engine takes is named', async () => {
  expect(await errorOf({ pre_tokenizer: split('[') }, 'x')).toMatchObject({
    code: 'failed',
    message: expect.stringContaining('opening the tokenizer: ') as string,
  })
})

test('a tokenizer that is closed has an error for each further text', async () => {
  const opened = await openTokenizer(bytes(valid))
  await opened.close()
  await expect(opened.encode('x')).rejects.toMatchObject({ code: 'failed', message: 'the tokenizer is closed' })
})

test('a file that is not JSON, not UTF-8, too deep or no tokenizer is refused before a process starts', async () => {
  const refused = (contents: string | Uint8Array): Promise<unknown> =>
    openTokenizer(typeof contents === 'string' ? new TextEncoder().encode(contents) : contents).catch((error: unknown) => error)
  expect(await refused('{"model":')).toMatchObject({
    code: 'format',
    message: expect.stringContaining('it is not JSON') as string,
  })
  expect(await refused(Uint8Array.of(0x22, 0xff, 0x22))).toMatchObject({ code: 'format' })
  expect(await refused('['.repeat(1e6))).toMatchObject({ code: 'format', message: 'it is nested more than 64 deep' })
  expect(await refused('[]')).toMatchObject({ code: 'format', message: "'tokenizer.json' is a list, an object is needed" })
  expect(await refused(`[${'0,'.repeat(13e6)}0]`)).toMatchObject({ message: 'it has more than 12000000 values' })
})
