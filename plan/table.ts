/** Tables keyed by user-defined names: any text is a valid key, including `__proto__` and `constructor`. */

/** The table's own entry for a name; undefined if there is none. */
export const own = <T>(table: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined

/** An empty table without a prototype: assignment creates an entry for any name. */
export const emptyTable = <T>(): Record<string, T> => Object.create(null) as Record<string, T>
