/** What a file says, in a message about it: names and values of a file have any length, messages do not. */

/** Characters of a name that a message shows. */
const LONGEST = 60

/** The text without control characters, cut in the middle where it is longer than a message can show. */
export function cut(text: string, longest = LONGEST): string {
  const isLong = text.length > longest
  const kept = isLong ? `${text.slice(0, longest - 16)}...${text.slice(-13)}` : text
  const plain = kept.replaceAll(/[\u0000-\u001f\u007f\u2028\u2029]|\p{Surrogate}/gu, '\ufffd')
  return isLong ? `${plain} (${text.length} characters)` : plain
}

/** The name in quotes, cut. */
export const quoted = (text: string): string => `'${cut(text)}'`

/** The first of some names, each cut, and how many more there are: `a, b and 3 more`. */
export function listed(names: readonly string[], most = 12): string {
  const shown = names.slice(0, most).map((name) => cut(name)).join(', ')
  return names.length > most ? `${shown} and ${names.length - most} more` : shown
}
