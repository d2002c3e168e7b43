/** The bindings of a language model continue prompts, and wrong uses do not compile. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { generateBindings } from '../../compiler/bindings/generate.ts'
import { compile } from '../../compiler/compile.ts'
import type { Plan } from '../../plan/plan.ts'
import { PORTABLE } from '../../plan/target.ts'
import { framed } from '../support/check.ts'
import { openCheckpoint } from '../support/checkpoints.ts'
import { load, root } from '../support/sources.ts'
import { planOf, STILL } from './tiny.ts'
import { typeErrors as typeErrorsOf } from './type-errors.ts'

const bindings = generateBindings(planOf(STILL))

const given = `
import { TinyTalk } from './tiny_talk.ts'
declare const model: TinyTalk
const tokenizer = { encode: (text: string) => Array.from(text, Number), decode: (ids: readonly number[]) => ids.join('') }
export const used = [model, tokenizer]
`
const typeErrors = (text: string): readonly string[] =>
  typeErrorsOf({ 'tiny_talk.ts': bindings, 'user.ts': `${given}\nexport const run = async () => { ${text} }` })

function continued(sequences: number): Plan {
  const { spec } = openCheckpoint(join(root, 'test/fixtures/checkpoints/llama'))
  const last = sequences === 1 ? { logits: 1 } : undefined
  const { plan, diagnostics } = compile(spec, { load, target: PORTABLE, state: { sequences, longest: 30 }, last })
  if (plan === null) throw new Error(framed(diagnostics))
  return plan
}

test('good use compiles', () => {
  const errors = typeErrors(`
    const signal = AbortSignal.timeout(1)
    const sampled = { maxTokens: 3, temperature: 1, topK: 4, topP: 0.9, minP: 0.1, repetitionPenalty: 1.1, seed: 2, signal } as const
    for await (const { id, logProbability, end } of model.generate([1, 2], sampled)) console.log(id, logProbability, end === 'context')
    for await (const token of model.generate(Int32Array.of(1))) console.log(token.id)
    for await (const { text } of model.generate('12', { tokenizer, stop: ['3'], endTokens: [0], reusePrefix: true })) console.log(text.length)
    for await (const { text } of model.generate([1], { tokenizer })) console.log(text.length)`)
  expect(errors).toEqual([])
})

/** Uses that do not compile, one a line, and what is said of each. */
const WRONG: readonly (readonly [text: string, message: RegExp])[] = [
  ["model.generate('12')", /'string' is not assignable to parameter of type 'TokenIds'/],
  ["model.generate([1], { stop: ['3'] })", /No overload matches this call/],
  ['model.generate([1], { maxToken: 3 })', /No overload matches this call/],
  ['for await (const { text } of model.generate([1])) console.log(text)', /'text' does not exist on type 'AnswerToken'/],
]

test('does not compile with a text or a stop without a tokenizer, another option, or the text of token ids', () => {
  const errors = typeErrors(WRONG.map(([text]) => text).join('\n'))
  expect(errors).toHaveLength(WRONG.length)
  for (const [at, [, message]] of WRONG.entries()) expect(errors[at]).toMatch(message)
})

test('says what a token takes', () => {
  expect(bindings).toContain('Each token evaluates the whole text: the plan keeps nothing between runs')
  expect(bindings.match(/from '.*'/g)).toEqual(["from 'smoe/runtime'", "from 'smoe/generation'"])
  expect(generateBindings(continued(1))).toContain(
    'each further token by itself: 30 tokens of prompt and answer are kept at most',
  )
})

test('a plan of several sequences has no text of one', () => {
  expect(generateBindings(continued(2))).not.toContain('generate(')
})
