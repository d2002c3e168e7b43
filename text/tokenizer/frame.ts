/** Special tokens around the tokens of a text: what a post-processor adds. */
import { quoted } from '../../runtime/checkpoint/quote.ts'
import { components, isRecord, listAt, recordAt, textAt, unsupported, wholeAt, type Fields } from './fields.ts'
import { MOST_IDS } from './models.ts'

/** Token ids before and after those of a text. */
export interface Frame {
  readonly before: readonly number[]
  readonly after: readonly number[]
}

const NONE: Frame = { before: [], after: [] }

function template(fields: Fields, at: string): Frame {
  const items = listAt(fields.single, `${at}.single`)
  const special = fields.special_tokens == null ? {} : recordAt(fields.special_tokens, `${at}.special_tokens`)
  const parts = items.map((item, index): readonly number[] | 'text' => {
    const here = `${at}.single[${index}]`
    const one = recordAt(item, here)
    if (isRecord(one.Sequence)) return one.Sequence.id === 'A' ? 'text' : unsupported(here, 'is not the first text')
    const name = textAt(recordAt(one.SpecialToken, here).id, `${here}.SpecialToken.id`)
    const place = `${at}.special_tokens[${quoted(name)}]`
    const { ids } = recordAt(Object.hasOwn(special, name) ? special[name] : undefined, place)
    return listAt(ids, `${place}.ids`).map((id) => wholeAt(id, `${place}.ids`, MOST_IDS))
  })
  const place = parts.indexOf('text')
  if (place < 0 || parts.lastIndexOf('text') !== place) unsupported(`${at}.single`, 'does not have the text once')
  const ids = (from: number, to: number): readonly number[] =>
    parts.slice(from, to).flatMap((part) => (part === 'text' ? [] : part))
  return { before: ids(0, place), after: ids(place + 1, parts.length) }
}

const pairAt = (value: unknown, at: string): number => wholeAt(listAt(value, at)[1], `${at}[1]`, MOST_IDS)

const around = (fields: Fields, at: string): readonly Frame[] => [
  { before: [pairAt(fields.cls, `${at}.cls`)], after: [pairAt(fields.sep, `${at}.sep`)] },
]

const TABLE: Readonly<Record<string, (fields: Fields, at: string) => readonly Frame[]>> = {
  TemplateProcessing: (fields, at) => [template(fields, at)],
  BertProcessing: around,
  RobertaProcessing: around,
  // it moves the offsets of tokens alone
  ByteLevel: () => [NONE],
}

/** What a post-processor puts around a text. Throws a TokenizerError. */
export const frameOf = (value: unknown, at: string): Frame =>
  value == null
    ? NONE
    : components(value, at, 'processors', TABLE).reduce(
        (inner, { before, after }) => ({ before: [...before, ...inner.before], after: [...inner.after, ...after] }),
        NONE,
      )
