/** Quotes the contents of files in messages: names and values in a file may have any length, messages stay short. */

/** Characters of a name that a message shows. */
const LONGEST = 60

/** The text without control characters, shortened in the middle if it is too long for a message. */
export function cut(text: string, longest = LONGEST): string {
  const isLong = text.length > longest
  const kept = isLong ? `${text.slice(0, longest - 16)}...${text.slice(-13)}` : text
  const plain = kept.replaceAll(/[\u0000-\u001f\u007f\u2028\u2029]|\p{Surrogate}/gu, '\ufffd')
  return isLong ? `${plain} (${text.length} characters)` : plain
}

/** The shortened name in quotes. */
export const quoted = (text: string): string => `'${cut(text)}'`

/** The first names of a list, each shortened, and the number of others: `a, b and 3 more`. */
export function listed(names: readonly string[], most = 12): string {
  const shown = names
    .slice(0, most)
    .map((name) => cut(name))
    .join(', ')
  return names.length > most ? `${shown} and ${names.length - most} more` : shown
}
