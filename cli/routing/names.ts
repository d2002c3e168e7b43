/** Names of layers as a reader wants them. */

export interface Labels {
  /** `layers.{i}/moe` where the names differ in one number alone, else `layer`. */
  readonly title: string
  readonly labels: readonly string[]
}

export function labelsOf(names: readonly string[]): Labels {
  const parts = names.map((name) => /^(\D*)(\d+)(\D*)$/.exec(name))
  const [first] = parts
  const isRow = names.length > 1 && first != null && parts.every((part) => part?.[1] === first[1] && part[3] === first[3])
  return isRow
    ? { title: `${first[1]}{i}${first[3]}`, labels: parts.map((part) => part?.[2] ?? '') }
    : { title: 'layer', labels: names }
}

export const showDims = (dims: Readonly<Record<string, number>>): string =>
  Object.entries(dims)
    .map(([name, size]) => `${name} = ${size}`)
    .join(', ')
