/** Texts near a good one: tokens left out, doubled, swapped, put in, and numbers and names at the edges of what is allowed. */

/** Texts of another language, odd numbers and odd names that users write. */
const STRANGE: readonly string[] = [
  '&&', '||', '!', '**', '^', '++', ':=', '=>', '?', ';', '->', '..', '...', '.T', '.', '@', '%', '-', '(', ')', '[', ']', '{', '}', '"', ',', ':', '=', '==',
  '0', '-1', '1', '2147483647', '2147483648', '4294967296', '9007199254740991', '9007199254740992', '1e39', '1e308', '1e999', '0.0', '1e-46', '-0.0',
  'toString', 'constructor', '__proto__', 'hasOwnProperty', 'T', 'D', 'E', 'x', 'ids', 'selected', 'experts', 'lowest', 'true', '"a"', 'not', 'if', 'moe',
]

export const tokensOf = (text: string): string[] => text.match(/\/\/.*|"[^"\n]*"|\w+|\s+|\S/g) ?? []

const isSolid = (token: string): boolean => token.trim() !== '' && !token.startsWith('//')

/** A text after so many changes; `next` is uniform in [0, 1), `others` are tokens that may be put in. */
export function mutate(text: string, others: readonly string[], changes: number, next: () => number): string {
  const tokens = tokensOf(text)
  const places = tokens.flatMap((token, at) => (isSolid(token) ? [at] : []))
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]
  for (let change = 0; change < changes; change++) {
    const [at, other] = [pick(places), pick(places)]
    const word = next() < 0.4 ? pick(STRANGE) : pick(others)
    switch (Math.floor(next() * 6)) {
      case 0: tokens[at] = ''; break
      case 1: tokens[at] = `${tokens[at]} ${tokens[at]}`; break
      case 2: [tokens[at], tokens[other]] = [tokens[other], tokens[at]]; break
      case 3: tokens[at] = `${tokens[at]} ${word}`; break
      default: tokens[at] = word
    }
  }
  return tokens.join('')
}
