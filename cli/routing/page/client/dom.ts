/** Elements in few words. */

type Child = Node | string | null
type Attributes = Readonly<Record<string, string | number | null>>

function fill<E extends Element>(element: E, attributes: Attributes, children: readonly Child[]): E {
  for (const [name, value] of Object.entries(attributes)) if (value !== null) element.setAttribute(name, String(value))
  element.append(...children.filter((child) => child !== null))
  return element
}

export const html = <N extends keyof HTMLElementTagNameMap>(
  name: N,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[N] => fill(document.createElement(name), attributes, children)

export const svg = <N extends keyof SVGElementTagNameMap>(
  name: N,
  attributes: Attributes = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[N] => fill(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children)

/** A table with a head, its first column naming the rows. */
export function table(caption: string, head: readonly string[], rows: readonly (readonly string[])[]): HTMLElement {
  const body = rows.map(([first, ...rest]) =>
    html('tr', {}, html('th', { scope: 'row' }, first), ...rest.map((cell) => html('td', {}, cell))),
  )
  return html(
    'div',
    { class: 'scroll' },
    html(
      'table',
      {},
      html('caption', {}, caption),
      html('thead', {}, html('tr', {}, ...head.map((cell) => html('th', { scope: 'col' }, cell)))),
      html('tbody', {}, ...body),
    ),
  )
}
