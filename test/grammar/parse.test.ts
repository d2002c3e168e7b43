import { describe, expect, test, vi } from 'vitest'
import type { Statement } from '../../grammar/ast.ts'
import { textOf } from '../../grammar/source.ts'
import { everything, parseText, placesOf, withoutSpans } from './helpers.ts'

vi.setConfig({ testTimeout: 120_000 })

const bodyOf = (text: string): readonly Statement[] => {
  const { file, diagnostics } = parseText(`fn f() {\n${text}\n}`)
  expect(diagnostics).toEqual([])
  return file.declarations[0]!.body
}

describe('well-formed text', () => {
  const { file, diagnostics } = parseText(everything)

  test('gives a whole tree and no diagnostics', () => {
    expect(diagnostics).toEqual([])
    expect(file.lost).toEqual([])
    expect(file.imports.map(({ names, from }) => [names.map(({ name, alias }) => [name.text, alias?.text]), from.value])).toEqual(
      [
        [
          [
            ['swiglu', undefined],
            ['gated', 'other'],
          ],
          'std/experts/swiglu',
        ],
        [[['top_k', undefined]], './top_k'],
      ],
    )
    expect(
      file.declarations.map(({ declares, name, body }) => `${declares} ${name.text}: ${body.map(({ kind }) => kind).join(' ')}`),
    ).toEqual([
      'model mixtral: input param let repeat param assert output weights train',
      'policy angle: param once when-training',
      'block empty: ',
      'fn last: let return',
    ])
    expect(file.declarations.every(({ isPartial }) => !isPartial)).toBe(true)
  })

  test('spans hold the text of their node', () => {
    const [model] = file.declarations
    expect(textOf(model!.parameters[3]!.span)).toBe('k: int in 1..E = 2')
    expect(textOf(model!.body[0]!.span)).toBe('input tokens: i32[B, S]')
    expect(textOf(model!.span).startsWith('model mixtral(')).toBe(true)
    expect(textOf(model!.span).endsWith('}')).toBe(true)
    const repeat = model!.body[3]!
    const assigned = repeat.kind === 'repeat' ? repeat.body[1]! : null
    expect(assigned?.kind === 'assign' && textOf(assigned.span).endsWith('k experts\n    }')).toBe(true)
  })

  test('doc comments stand on what they precede', () => {
    expect(file.declarations[0]!.doc).toEqual(['Sparse layers.', 'Two lines.'])
    const input = file.declarations[0]!.body[0]!
    expect(input.kind === 'input' && input.doc).toEqual(['Ids.'])
    expect(parseText('/// far\n\nfn f() {}').file.declarations[0]!.doc).toEqual([])
    expect(parseText('fn f(\n  /// The x.\n  x: int) {}').file.declarations[0]!.parameters[0]!.doc).toEqual(['The x.'])
  })

  test('line ends, tabs and a byte order mark change nothing', () => {
    expect(
      withoutSpans(parseText(`\uFEFF${everything.replaceAll('\n', '\r\n').replaceAll('  ', '\t')}`).file.declarations),
    ).toEqual(withoutSpans(file.declarations))
  })

  test('statements may share a line', () => {
    expect(
      bodyOf('let a = 1 var b = [a] b = b + 1 assert b == 2 weigh a select top k by a return (b)').map(({ kind }) => kind),
    ).toEqual(['let', 'let', 'assign', 'assert', 'weigh', 'select', 'return'])
    expect(
      placesOf(
        'model m() { output y = moe(x) { experts E of f(F = 2) route r(k = 2) require each token 2 experts shared 1 of f() } }',
      ),
    ).toEqual([])
  })

  test('what is kept, and weights of experts', () => {
    expect(
      bodyOf('select top k by experts.gate.T\nkeep (a) < b\nkeep not a keep if c then a else b').map(({ kind }) => kind),
    ).toEqual(['select', 'keep', 'keep', 'keep'])
    const [one] = bodyOf('let a = experts.gate')
    expect(one!.kind === 'let' && one!.value).toMatchObject({ kind: 'member', name: { text: 'gate' } })
    expect(placesOf('fn f() {\n  let a = others.gate\n}')).toEqual(['2:18 SMOE1001'])
  })

  test('an expression goes on over lines where an operator says so, and no further', () => {
    expect(bodyOf('let a = b\n  + c\n  - d\na = f(\n  b,\n  c = d,\n)').map(({ kind }) => kind)).toEqual(['let', 'assign'])
    expect(placesOf('fn f() {\n  let a = b\n  (c)\n}')).toEqual(['3:3 SMOE1001'])
  })

  test('words with a meaning elsewhere are names', () => {
    const words = [
      'top',
      'select',
      'shared',
      'groups',
      'gate',
      'down',
      'at',
      'in',
      'of',
      'drop',
      'tokens',
      'experts',
      'keep',
      'weights',
      'loss',
      'input',
      'output',
      'by',
      'a',
      'step',
      'once',
      'when',
      'weigh',
      'assert',
      'block',
      'expert',
      'policy',
      'model',
      'from',
      'route',
      'require',
    ]
    for (const word of words) {
      const text = `fn ${word}(${word}: int) {\n  let ${word} = ${word} + f(${word} = ${word})\n  let b = ${word}\n  var c = -${word}(${word}) as ${word}\n  ${word} = c\n  return ${word}\n}`
      const { file, diagnostics } = parseText(text)
      expect(diagnostics.map(({ message }) => `${word}: ${message}`)).toEqual([])
      expect(
        file.declarations[0]!.body.map(({ kind }) => kind),
        word,
      ).toEqual(['let', 'let', 'let', 'assign', 'return'])
    }
  })
})

describe('one mistake is one diagnostic, and all else is read', () => {
  const whole = parseText(everything).file
  const count = (statements: readonly Statement[]): number =>
    statements.reduce(
      (sum, one) => sum + 1 + ('body' in one ? count(one.body) : 0) + ('otherwise' in one ? count(one.otherwise ?? []) : 0),
      0,
    )
  const total = whole.declarations.reduce((sum, { body }) => sum + count(body), 0)

  test.each<[string, string, string, string, number]>([
    ['a stray sign', 'take(embed', 'take($embed', '11:16 SMOE1002', 0],
    ['a stray sign between operands', 'take(embed,', 'take(embed ` k,', '11:22 SMOE1002', 1],
    ['a sign on its own line', '  var h', '  $$$\n  var h', '11:3 SMOE1002', 0],
    ['a letter of another script', 'param embed', 'param \u00E9mbed', '10:9 SMOE1002', 0],
    ['a null', 'param embed', 'param \0embed', '10:9 SMOE1002', 0],
    ['half a character', 'param embed', 'param \uD800embed', '10:9 SMOE1002', 0],
    ['a bad number', '= 64', '= 6x4', '7:24 SMOE1003', 0],
    ['a number too large', '= 64', '= 1e999', '7:24 SMOE1003', 0],
    ['an open string', '"model.embed.weight"', '"model.embed.weight', '33:13 SMOE1004', 0],
    ['an open string of an import', '"./top_k"', '"./top_k', '3:23 SMOE1004', 0],
    ['a missing ) of a call', 'C = D / H)', 'C = D / H', '14:85 SMOE1006', 0],
    ['a missing ) of parameters', 'on: bool = true)', 'on: bool = true', '7:129 SMOE1006', 0],
    ['a missing ) before ->', 'at: int) ->', 'at: int ->', '76:63 SMOE1006', 0],
    ['a missing ] of a shape', 'f32[V, D]\n  var', 'f32[V, D\n  var', '10:24 SMOE1006', 0],
    ['a missing ] of a repeat', 'layers[i] in', 'layers[i in', '13:18 SMOE1006', 0],
    ['a missing } of moe', 'k experts\n    }\n', 'k experts\n', '26:35 SMOE1006', 0],
    ['a missing } of repeat', '    }\n  }\n  param', '    }\n  param', '27:6 SMOE1006', 0],
    ['a missing } of weights', '"x"[0, a:b:c]\n  }', '"x"[0, a:b:c]', '36:38 SMOE1006', 0],
    ['a missing } of a model', '  }\n}\n\npolicy', '  }\n\npolicy', '55:4 SMOE1006', 0],
    ['a missing } at the end', '- at\n}', '- at\n', '78:40 SMOE1006', 0],
    ['a missing } of an import', 'other }', 'other', '2:32 SMOE1006', 0],
    ['a surplus }', '    }\n  }\n  param', '    }\n  }\n  }\n  param', '29:3 SMOE1007', 0],
    ['a surplus } at the margin', '  param head', '}\n  param head', '29:1 SMOE1007', 0],
    ['a surplus )', 'take(embed, tokens)', 'take(embed, tokens))', '11:30 SMOE1007', 0],
    ['the wrong bracket', 'take(embed, tokens)', 'take(embed, tokens]', '11:29 SMOE1006', 0],
    ['a misspelled statement', 'return exp', 'retrun exp', '78:3 SMOE1011', 0],
    ['a misspelled clause', 'route top_k', 'rout top_k', '18:7 SMOE1011', 0],
    ['a misspelled declaration', 'model mix', 'modle mix', '7:1 SMOE1010', 0],
    ['a missing operand', 'top + select * loss', 'top + * loss', '77:23 SMOE1001', 1],
    ['a missing value', 'var h = take(embed, tokens)', 'var h =', '11:10 SMOE1001', 1],
    ['= for :', 'embed: f32[V', 'embed = f32[V', '10:15 SMOE1001', 1],
    ['a reserved name', 'let weights', 'let then', '77:7 SMOE1012', 1],
    ['a bad parameter', 'V: int = 64', 'V = 64', '7:17 SMOE1001', 0],
    ['a missing parameter', 'V: int = 64, D', ', D', '7:15 SMOE1001', 0],
    ['a missing parameter between two', '= 64, D', '= 64,, D', '7:27 SMOE1001', 0],
    ['a bad constraint', 'require dropless', 'require droplets', '19:15 SMOE1001', 0],
    ['an unknown escape', '"heads divide', '"\\heads divide', '30:39 SMOE1005', 0],
    ['a missing } of train', 'S > 1\n  }', 'S > 1', '54:17 SMOE1006', 0],
    ['a missing ) of an optimiser', 'beta2 = 0.95)', 'beta2 = 0.95', '44:46 SMOE1006', 0],
    ['a missing ) of a group', 'rate = 0.5)', 'rate = 0.5', '53:48 SMOE1006', 0],
    ['an optimiser that is not called', 'adamw(rate = 3e-4, beta2 = 0.95)', 'adamw', '44:20 SMOE1001', 1],
    ['an optimizer', 'optimiser', 'optimizer', '44:5 SMOE1011', 0],
    ['a size without a name', 'B = 16, S', '16, S', '48:11 SMOE1001', 1],
    ['a pattern without quotes', '"*.gain" ones', 'gain ones', '52:21 SMOE1001', 1],
    ['a group without settings', ' (decay = 0.0, rate = 0.5)', '', '53:23 SMOE1001', 1],
    ['a number that is none', 'steps 1000', 'steps', '49:10 SMOE1001', 1],
    ['a semicolon', 'select * loss', 'select * loss;', '77:36 SMOE1013', 0],
    ['&&', '0 and not', '0 && not', '30:21 SMOE1013', 0],
  ])('%s', (_, from, to, place, missing) => {
    expect(everything).toContain(from)
    const text = everything.replace(from, to)
    const { file } = parseText(text)
    expect(placesOf(text)).toEqual([place])
    expect(file.declarations.map(({ name }) => name.text)).toEqual(whole.declarations.map(({ name }) => name.text))
    expect(file.declarations.reduce((sum, { body }) => sum + count(body), 0)).toBe(total - missing)
  })

  test('what is left out is named', () => {
    const { file } = parseText(everything.replace('var h = take(embed, tokens)', 'var h ='))
    expect(file.lost.map(({ text }) => text)).toEqual(['h'])
    expect(file.declarations.map(({ isPartial }) => isPartial)).toEqual([true, false, false, false])
  })

  test('a brace closes the block at its column, and what is open inside is said', () => {
    expect(placesOf('fn f() {\n  let a = g(\n    moe(x) {\n      route r()\n}\nfn g() {}')).toEqual([
      '4:16 SMOE1006',
      '4:16 SMOE1006',
    ])
  })

  test('five mistakes are five diagnostics, in order', () => {
    const text = everything
      .replace('take(embed', 'take($embed')
      .replace('C = D / H)', 'C = D / H')
      .replace('= 64', '= 6x4')
      .replace('return exp', 'retrun exp')
      .replace('route top_k', 'rout top_k')
    expect(placesOf(text)).toEqual(['7:24 SMOE1003', '11:16 SMOE1002', '14:85 SMOE1006', '18:7 SMOE1011', '78:3 SMOE1011'])
  })

  test('certain fixes mend the text', () => {
    const slips: readonly [string, string][] = [
      ['C = D / H)', 'C = D / H'],
      ['k experts\n    }\n', 'k experts\n'],
      ['other }', 'other'],
      ['return exp', 'retrun exp'],
      ['embed: f32[V', 'embed = f32[V'],
      ['eps = eps) as final', 'eps: eps) as final'],
      ['- at\n}', '- at\n'],
    ]
    for (const [from, to] of slips) {
      const text = everything.replace(from, to)
      const { span, replacement } = parseText(text).diagnostics[0]!.fix!
      const { file, diagnostics } = parseText(text.slice(0, span.start) + replacement + text.slice(span.end))
      expect(diagnostics).toEqual([])
      expect(withoutSpans(file.declarations)).toEqual(withoutSpans(whole.declarations))
    }
  })

  test('messages say what was expected, where', () => {
    const said = (text: string) => parseText(text).diagnostics.map(({ message, help }) => [message, help])
    expect(said('block attention(x: int -> int {}')).toEqual([['expected `)` to close the parameters of `attention`', null]])
    expect(said('fn f() {\n  return g(a b)\n}')).toEqual([['expected `,` or `)`, found `b`', 'items are separated by `,`']])
    expect(said('fn f() {\n  return a +\n}')).toEqual([['expected an expression after `+`', null]])
    expect(said('fn f() {\n  retrun a\n}')).toEqual([['expected a statement, found `retrun`', 'did you mean `return`?']])
    expect(said('fn f() {')).toEqual([['expected `}` to close `fn f`', null]])
  })
})

describe('limits end in diagnostics', () => {
  const times = (text: string, count: number): string => text.repeat(count)
  const wrap = (text: string): string => `fn f() {\n  return ${text}\n}\nfn g() {}`

  test.each([
    ['brackets', wrap(times('(', 1e5))],
    ['closed brackets', wrap(times('(', 1e5) + times(')', 1e5))],
    ['minus', wrap(`${times('-', 1e5)}1`)],
    ['sum', wrap(`1${times(' + 1', 1e5)}`)],
    ['if', wrap(times('if ', 1e5))],
    ['else', wrap(`${times('if a then b else ', 1e5)}c`)],
    ['transposes', wrap(`a${times('.T', 1e5)}`)],
    ['not', wrap(`${times('not ', 1e5)}a`)],
    ['calls', wrap(times('f(', 1e5))],
    ['lists', wrap(times('[', 1e5))],
  ])('deep %s', (_, text) => {
    const { file, diagnostics } = parseText(text)
    expect(diagnostics.map(({ code }) => code)).toEqual(['SMOE1008'])
    expect(file.declarations.length).toBeGreaterThan(0)
  })

  test.each([
    ['(', times('(', 1e5)],
    ['{', times('{', 1e5)],
    ['}', times('}', 1e5)],
    ['([{', times('([{', 3e4)],
    ['(]', times('(]', 1e5)],
    ['fn f() {', times('fn f() {', 1e4)],
    ['words', times('a ', 1e5)],
    ['quotes', times('"', 1e5)],
    ['dollars', times('$', 1e6)],
  ])('a heap of %s', (_, text) => expect(parseText(text).diagnostics.length).toBeGreaterThan(0))

  test('what is within the limits is read', () => {
    expect(placesOf(wrap(`1${times(' + 1', 150)}`))).toEqual([])
    expect(placesOf(wrap(`${times('(', 198)}1${times(')', 198)}`))).toEqual([])
    expect(placesOf(wrap(`${times('f(a, ', 190)}1${times(')', 190)}`))).toEqual([])
    expect(placesOf(wrap(`${times('if a then b else ', 190)}1`))).toEqual([])
    expect(placesOf(`fn f() {\n${times('repeat r[i] in 0..1 {\n', 190)}${times('}\n', 191)}`)).toEqual([])
  })

  test('a file of more than 4 MiB is refused unread', () => {
    expect(placesOf(' '.repeat(4 * 1024 * 1024))).toEqual([])
    expect(placesOf(' '.repeat(4 * 1024 * 1024 + 1))).toEqual(['1:1 SMOE1009'])
    expect(placesOf(`// ${'\u20AC'.repeat(1.4 * 1024 * 1024)}`)).toEqual(['1:1 SMOE1009'])
  })

  test('diagnostics end after some hundreds', () => {
    const { diagnostics } = parseText(`fn f() {\n${times('let a = $ 1\n', 1000)}}`)
    expect(diagnostics.length).toBe(200)
    expect(diagnostics.filter(({ code }) => code === 'SMOE1017').map(({ message }) => message)).toEqual([
      '801 more mistakes are not shown',
    ])
  })
})
