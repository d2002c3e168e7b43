/** Records of earlier versions: renames the fields of an event to those of this version. */

type Fields = Readonly<Record<string, unknown>>

/** Event kind -> name in an earlier version -> name in this version. */
const RENAMED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  start: { schedule: 'competitions', lengthened: 'extendedFrom' },
  step: {
    rate: 'learningRate',
    norm: 'gradientNorm',
    scale: 'lossScale',
    chosen: 'competing',
    pace: 'throughput',
    left: 'eta',
  },
}

/** The same event with the field names of this version. */
export function renameFields(event: Fields & { readonly kind: string }): Fields {
  const names = RENAMED[event.kind] ?? {}
  return Object.fromEntries(
    Object.entries(event).map(([name, value]) => [Object.hasOwn(names, name) ? names[name] : name, value]),
  )
}
