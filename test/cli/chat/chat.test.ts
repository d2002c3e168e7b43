/** `smoe chat`: answers are those of `smoe generate` to the text of the template. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from '../../support/sources.ts'
import { place, type Place } from '../harness.ts'

const fixture = (name: string): Buffer => readFileSync(join(root, 'test/fixtures', name))

const TEMPLATE =
  "{% for m in messages %}{% if m.role == 'system' and loop.index > 1 %}{{ raise_exception('no second system') }}{% endif %}" +
  '{{ m.role[0] }} {{ m.content }} {% endfor %}'
const TOKENIZER = JSON.parse(fixture('tokenizers/tiny.json').toString()) as Readonly<Record<string, unknown>>
// the text is framed by <s> where it is tokenized as it is
const files = (tokenizer: unknown = { ...TOKENIZER, decoder: { type: 'Fuse' } }) => ({
  'm/config.json': fixture('checkpoints/mixtral/config.json'),
  'm/model.safetensors': fixture('checkpoints/mixtral/model.safetensors'),
  'm/tokenizer.json': JSON.stringify(tokenizer),
})

const talk = (one: Place, ...more: readonly string[]) => one.smoe('chat', 'm', '--max-tokens', '5', '--device', 'cpu', ...more)

test('a conversation goes on, each answer from all before it', async () => {
  const given = { ...files(), 'm/chat_template.jinja': TEMPLATE }
  const { code, out, err } = await talk(place(given, 'the router\n\nexperts\n'), '--system', 'few')
  expect(code, err).toBe(0)
  const [first, second, rest] = out.split('\n')
  expect(rest).toBe('')
  const plain = place({ ...files({ ...TOKENIZER, decoder: { type: 'Fuse' }, post_processor: null }) })
  const continued = async (text: string): Promise<string> => {
    const told = await plain.smoe('generate', 'm', text, '--max-tokens', '5', '--device', 'cpu')
    expect(told.code, told.err).toBe(0)
    return told.out.slice(0, -1)
  }
  expect(first).toBe(await continued('s few u the router '))
  expect(second).toBe(await continued(`s few u the router a ${first} u experts `))
})

test('a template of the config serves as well, with its special tokens', async () => {
  const config = { chat_template: '{{ messages[-1].content }}{{ eos_token }}', eos_token: { content: '</s>' } }
  const { code, out, err } = await talk(place({ ...files(), 'm/tokenizer_config.json': JSON.stringify(config) }, 'the router\n'))
  expect(code, err).toBe(0)
  const plain = place(files({ ...TOKENIZER, decoder: { type: 'Fuse' }, post_processor: null }))
  const told = await plain.smoe('generate', 'm', 'the router</s>', '--max-tokens', '5', '--device', 'cpu')
  expect(out).toBe(told.out)
})

test('what cannot be is refused', async () => {
  for (const [more, args, code, message] of [
    [{}, [], 2, "'m' has no chat template: no chat_template.jinja, and none in tokenizer_config.json"],
    [{ 'm/chat_template.jinja': '{% for %}' }, [], 5, 'm: reading the chat template: '],
    [
      { 'm/tokenizer_config.json': '[]' },
      [],
      5,
      "m/tokenizer_config.json: 'tokenizer_config.json' is a list, an object is needed",
    ],
    [{ 'm/chat_template.jinja': TEMPLATE }, ['--top-p', '0.5'], 2, '--top-p without a temperature'],
    [{ 'm/chat_template.jinja': "{{ raise_exception('not so') }}" }, [], 5, 'm: the chat template: not so'],
  ] as const) {
    const told = await talk(place({ ...files(), ...more }, 'a\n'), ...args)
    expect({ code: told.code, out: told.out }, told.err).toEqual({ code, out: '' })
    expect(told.err).toContain(message)
  }
})
