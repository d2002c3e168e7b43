/** Where a weight lies in a checkpoint: `NAME`, `NAME[SLICES]` or `NAME[SLICES].T`, as text of a spec without the quotes. */

/** How a checkpoint stores experts: a tensor each, as on the hub, or those of a layer in one, as transformers holds them. */
export type Layout = 'hub' | 'fused'

/** A name in both layouts, or one for both. */
export type Names = Readonly<Record<Layout, string>> | string

export const nameIn = (names: Names, layout: Layout): string => (typeof names === 'string' ? names : names[layout])

/** The tensor of a source, and the slices behind it. */
export function partsOf(source: string): { readonly tensor: string; readonly slices: string } {
  const at = source.indexOf('[')
  return at < 0 ? { tensor: source, slices: '' } : { tensor: source.slice(0, at), slices: source.slice(at) }
}

/** A source as the table of weights writes it. */
export function sourceText(source: string): string {
  const { tensor, slices } = partsOf(source)
  return `${JSON.stringify(tensor)}${slices}`
}
