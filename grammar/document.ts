/** A pretty-printing algebra (Wadler): a group is on one line if it fits, else every `line` in it breaks. */

export type Doc =
  | string
  | { readonly kind: 'join'; readonly parts: readonly Doc[] }
  /** A break where its group breaks, else `flat`. */
  | { readonly kind: 'line'; readonly flat: string }
  /** A break in any case; its groups break with it. */
  | { readonly kind: 'break' }
  | { readonly kind: 'indent'; readonly of: Doc }
  | { readonly kind: 'group'; readonly of: Doc }
  /** Parts with blanks between them; a part that does not fit on the line begins another. */
  | { readonly kind: 'fill'; readonly parts: readonly Doc[]; readonly isBegun: boolean }
  /** Shown only where its group breaks. */
  | { readonly kind: 'if-broken'; readonly of: string }
  /** A comment that ends its line; takes no room in the measure of a line. */
  | { readonly kind: 'trailing'; readonly text: string }

export const join = (...parts: readonly Doc[]): Doc => ({ kind: 'join', parts })
export const line: Doc = { kind: 'line', flat: ' ' }
export const softLine: Doc = { kind: 'line', flat: '' }
export const hardBreak: Doc = { kind: 'break' }
export const indent = (of: Doc): Doc => ({ kind: 'indent', of })
export const group = (of: Doc): Doc => ({ kind: 'group', of })
export const fill = (parts: readonly Doc[]): Doc => ({ kind: 'fill', parts, isBegun: false })
export const ifBroken = (of: string): Doc => ({ kind: 'if-broken', of })
export const trailing = (text: string): Doc => ({ kind: 'trailing', text })

export function separate(docs: readonly Doc[], separator: Doc): Doc {
  return join(...docs.flatMap((doc, i) => (i === 0 ? [doc] : [separator, doc])))
}

const step = 2

interface Item {
  readonly doc: Doc
  readonly indent: number
  readonly isBroken: boolean
}

/** Does it, with what follows up to the next possible break, fit into `room` columns? */
function fits(first: Item, rest: readonly Item[], room: number): boolean {
  const stack: Item[] = [first]
  let below = rest.length
  let left = room
  while (left >= 0) {
    const item = stack.pop() ?? (below > 0 ? rest[--below]! : null)
    if (item === null) return true
    const { doc, isBroken } = item
    if (typeof doc === 'string') left -= doc.length
    else if (doc.kind === 'join') for (const part of [...doc.parts].reverse()) stack.push({ ...item, doc: part })
    else if (doc.kind === 'indent') stack.push({ ...item, doc: doc.of })
    else if (doc.kind === 'fill') {
      // the rest of a filled line may begin another one
      if (doc.isBegun) return true
      stack.push({ ...item, doc: separate(doc.parts, ' ') })
    } else if (doc.kind === 'group') stack.push({ ...item, doc: doc.of, isBroken: isBroken && item !== first && hasBreak(doc) })
    else if (doc.kind === 'if-broken') left -= isBroken ? doc.of.length : 0
    else if (doc.kind === 'break') return isBroken
    else if (doc.kind === 'line') {
      if (isBroken) return true
      left -= doc.flat.length
    }
  }
  return false
}

const broken = new WeakMap<object, boolean>()

/** Does it hold a break that happens in any case? */
function hasBreak(doc: Doc): boolean {
  if (typeof doc === 'string') return false
  if (doc.kind === 'break') return true
  if (doc.kind !== 'join' && doc.kind !== 'indent' && doc.kind !== 'group' && doc.kind !== 'fill') return false
  const known = broken.get(doc)
  if (known !== undefined) return known
  const found = 'parts' in doc ? doc.parts.some(hasBreak) : hasBreak(doc.of)
  broken.set(doc, found)
  return found
}

/** The text, no line longer than `width` where it can be helped, without blanks at the ends of lines. */
export function render(doc: Doc, width: number): string {
  const stack: Item[] = [{ doc, indent: 0, isBroken: true }]
  const out: string[] = []
  let column = 0
  const newLine = (to: number): void => {
    out.push('\n', ' '.repeat(to))
    column = to
  }
  while (stack.length > 0) {
    const item = stack.pop()!
    const at = item.doc
    if (typeof at === 'string') {
      out.push(at)
      column += at.length
    } else if (at.kind === 'join') for (const part of [...at.parts].reverse()) stack.push({ ...item, doc: part })
    else if (at.kind === 'indent') stack.push({ ...item, doc: at.of, indent: item.indent + step })
    else if (at.kind === 'group') {
      const flat: Item = { ...item, doc: at.of, isBroken: false }
      stack.push(!hasBreak(at) && fits(flat, stack, width - column) ? flat : { ...flat, isBroken: true })
    } else if (at.kind === 'fill') {
      const [first, ...rest] = at.parts
      if (first === undefined) continue
      const part: Item = { doc: first, indent: item.indent, isBroken: false }
      if (at.isBegun && fits(part, [], width - column - 1)) {
        out.push(' ')
        column++
      } else if (at.isBegun) newLine(item.indent)
      stack.push({ ...item, doc: { kind: 'fill', parts: rest, isBegun: true } }, part)
    } else if (at.kind === 'if-broken') {
      if (item.isBroken) out.push(at.of)
    } else if (at.kind === 'trailing') out.push(`  ${at.text}`)
    else if (at.kind === 'break' || item.isBroken) newLine(item.indent)
    else {
      out.push(at.flat)
      column += at.flat.length
    }
  }
  return out.join('').replace(/[ \t]+(\n|$)/g, '$1')
}
