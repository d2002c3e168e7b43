import { expect, test } from 'vitest'
import { chatTemplate, specialTokens } from '../../../text/chat/config.ts'

test('special tokens are texts, or added tokens', () => {
  const config = { bos_token: '<s>', eos_token: { content: '</s>', special: true }, pad_token: null, other: 3 }
  expect(specialTokens(config)).toEqual({ bos_token: '<s>', eos_token: '</s>' })
  expect(() => specialTokens({ bos_token: 1 })).toThrow("'bos_token' is a number, a string is needed")
})

test('a template is a text, or the default of several', () => {
  expect(chatTemplate({})).toBeNull()
  expect(chatTemplate({ chat_template: 'a' })).toBe('a')
  const several = [
    { name: 'tool_use', template: 'b' },
    { name: 'default', template: 'c' },
  ]
  expect(chatTemplate({ chat_template: several })).toBe('c')
  expect(chatTemplate({ chat_template: several.slice(0, 1) })).toBeNull()
  expect(() => chatTemplate({ chat_template: {} })).toThrow("'chat_template' is an object, a string is needed")
})
