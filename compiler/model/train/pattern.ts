/** Patterns over paths of weights: `*` matches any characters, everything else itself. */

/** Whether the whole path matches. Linear in the path for each star. */
export function fits(pattern: string, path: string): boolean {
  const parts = pattern.split('*')
  if (parts.length === 1) return pattern === path
  const [first, last] = [parts[0], parts.at(-1)!]
  if (!path.startsWith(first) || !path.endsWith(last) || path.length < first.length + last.length) return false
  let at = first.length
  for (const part of parts.slice(1, -1)) {
    const found = path.indexOf(part, at)
    if (found === -1 || found + part.length > path.length - last.length) return false
    at = found + part.length
  }
  return at <= path.length - last.length
}
