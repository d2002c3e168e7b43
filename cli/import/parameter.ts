/** Parameters of an imported model: sizes and numbers of the config, in the order in which a reader meets them. */

/** The order in which a reader meets the parameters of a model. */
export const GROUPS = ['size', 'hidden', 'depth', 'heads', 'experts', 'limit', 'number', 'rotary'] as const
export type ParameterGroup = (typeof GROUPS)[number]

export interface ParameterText {
  readonly name: string
  readonly type: 'int' | 'real'
  /** `1..`, `1..E`; empty for any value */
  readonly range: string
  readonly value: number
  readonly doc: string
  readonly group: ParameterGroup
}

export const intParameter = (
  name: string,
  value: number,
  doc: string,
  group: ParameterGroup = 'size',
  range = '1..',
): ParameterText => ({ name, type: 'int', range, value, doc, group })

export const realParameter = (name: string, value: number, doc: string, group: ParameterGroup = 'number'): ParameterText => ({
  name,
  type: 'real',
  range: '',
  value,
  doc,
  group,
})

/** Each parameter once, in the order of their groups. */
export function mergedParameters(lists: readonly (readonly ParameterText[])[]): readonly ParameterText[] {
  const all = new Map(lists.flat().map((parameter) => [parameter.name, parameter]))
  return GROUPS.flatMap((group) => [...all.values()].filter((parameter) => parameter.group === group))
}
