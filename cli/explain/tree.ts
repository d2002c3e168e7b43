/** A syntax tree as an indented outline: one node a line with its position, scalars beside it, children below. */
import { positionAt, type Span } from '../../grammar/source.ts'

type Fields = Readonly<Record<string, unknown>>

const isRecord = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)
const isSpan = (value: unknown): value is Span => isRecord(value) && 'source' in value && 'start' in value && 'end' in value

/** A name is shown as its text: it has nothing else. */
const asText = (value: unknown): string | null => {
  if (value === null || value === undefined) return null
  if (isRecord(value) && typeof value.text === 'string' && Object.keys(value).length === 2) return value.text
  return typeof value === 'object' ? null : JSON.stringify(value)
}

const isEmpty = (value: unknown): boolean => value === null || value === undefined || (Array.isArray(value) && value.length === 0)

/** What is no part of the tree itself: where it stands, and the comments, which lie beside it. */
const isShown = ([key, value]: readonly [string, unknown]): boolean =>
  key !== 'kind' && key !== 'span' && key !== 'source' && key !== 'comments' && !isEmpty(value)

function head(node: Fields): string {
  const scalars = Object.entries(node)
    .filter(isShown)
    .flatMap(([key, value]) => {
      const text = asText(value)
      return text === null ? [] : [`${key}=${text}`]
    })
  const at = isSpan(node.span) ? positionAt(node.span.source, node.span.start) : null
  return [typeof node.kind === 'string' ? node.kind : '', ...scalars, at === null ? '' : `@${at.line}:${at.column}`]
    .filter((part) => part !== '')
    .join(' ')
}

function childLines(key: string, value: unknown, indent: string): readonly string[] {
  if (Array.isArray(value)) {
    if (value.every((item) => asText(item) !== null)) return [`${indent}${key}: ${value.map(asText).join(', ')}`]
    return [`${indent}${key}:`, ...value.flatMap((item: unknown) => lines(item, `${indent}  `, '- '))]
  }
  return asText(value) === null ? lines(value, indent, `${key}: `) : []
}

function lines(node: unknown, indent: string, label: string): readonly string[] {
  if (!isRecord(node)) return [`${indent}${label}${JSON.stringify(node)}`]
  const children = Object.entries(node)
    .filter(isShown)
    .flatMap(([key, value]) => childLines(key, value, `${indent}  `))
  return [`${indent}${label}${head(node)}`, ...children]
}

export const outline = (tree: object, name: string): string => `${lines(tree, '', `${name} `).join('\n')}\n`

/** The tree as plain data: spans as offsets, without the source's text. */
export const treeJson = (tree: object): unknown =>
  JSON.parse(
    JSON.stringify(tree, (key, value: unknown) =>
      key === 'source' ? undefined : isSpan(value) ? [value.start, value.end] : value,
    ),
  ) as unknown
