/** Tables by names of users: any text may be a name, `__proto__` and `constructor` too, and only what was put in is found. */

/** What a table has under a name; undefined where nothing was put there. */
export const own = <T>(table: Readonly<Record<string, T>>, name: string): T | undefined => (Object.hasOwn(table, name) ? table[name] : undefined)

/** An empty table without a prototype: a name given by assignment is an entry whatever it is called. */
export const emptyTable = <T>(): Record<string, T> => Object.create(null) as Record<string, T>
