/** Names and doc comments as TypeScript wants them. */

/** `tiny_moe` -> `TinyMoe` */
export function className(model: string): string {
  const words = model.split(/[^A-Za-z0-9]+/).filter((word) => word !== '')
  const name = words.map((word) => word[0].toUpperCase() + word.slice(1)).join('')
  return /^[A-Za-z]/.test(name) ? name : `Model${name}`
}

/** A property's name, quoted where it is no identifier. */
export const propertyName = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : literal(name))

/** A string literal in the house's quotes. */
export const literal = (text: string): string => `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`

/** Text that cannot end the comment it stands in. */
export const docText = (lines: readonly string[]): string =>
  lines.filter((line) => line !== '').join('\n').replaceAll('*/', '*\\/')
