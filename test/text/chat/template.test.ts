/** Chat templates as transformers renders them: `test/fixtures/chat/make.py` writes the cases. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { openChatTemplate, type Message, type SpecialTokens } from '../../../text/chat/template.ts'
import { TokenizerError } from '../../../text/tokenizer/errors.ts'

interface Cases {
  readonly special: SpecialTokens
  readonly conversations: readonly (readonly Message[])[]
  readonly cases: readonly { readonly name: string; readonly template: string; readonly texts: readonly string[] }[]
}

const FILE = new URL('../../fixtures/chat/cases.json', import.meta.url)
const { special, conversations, cases } = JSON.parse(readFileSync(FILE, 'utf8')) as Cases
const HELLO: readonly Message[] = [{ role: 'user', content: 'hello' }]

test.each(cases.map((one) => [one.name, one] as const))('%s', async (_, { template, texts }) => {
  const opened = await openChatTemplate(template, special)
  try {
    for (const [at, messages] of conversations.entries()) expect(await opened.render(messages)).toBe(texts[at])
  } finally {
    await opened.close()
  }
})

/** The error of a template that is opened and rendered. */
async function errorOf(template: string): Promise<TokenizerError> {
  try {
    const opened = await openChatTemplate(template, special)
    try {
      await opened.render(HELLO)
    } finally {
      await opened.close()
    }
  } catch (problem) {
    if (problem instanceof TokenizerError) return problem
    throw problem
  }
  throw new Error('it was accepted')
}

test.each([
  ['what does not end', '{% for i in range(1000000000) %}{{ i }}{% endfor %}', /deadline|memory/],
  [
    'what doubles',
    '{% set n = namespace(t="x") %}{% for i in range(60) %}{% set n.t = n.t + n.t %}{% endfor %}',
    /deadline|memory|failed/,
  ],
  ['what refuses', "{{ raise_exception('no system') }}", /failed/],
  ['what calls itself', '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}', /failed|deadline|memory/],
  ['what is no template', '{% for %}', /failed/],
  ['what nests deeply', '{{ '.repeat(1) + '('.repeat(200_000), /failed/],
  ['what is too long', 'x'.repeat(2 ** 20 + 1), /format/],
] as const)('%s is an error', async (_, template, code) => {
  const start = performance.now()
  expect((await errorOf(template)).code).toMatch(code)
  expect(performance.now() - start).toBeLessThan(20_000)
})

test('what a template says it refuses is told', async () => {
  expect((await errorOf("{{ raise_exception('no system') }}")).message).toBe('the chat template: no system')
})
