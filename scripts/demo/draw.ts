/** Routes as a picture for the terminal: tokens down, experts across, shade for weight. */

export interface Routes {
  /** How each token is shown. */
  readonly tokens: readonly string[]
  readonly experts: number
  /** Experts of each token, best first, and what each counts, rows of k. */
  readonly selected: readonly (readonly number[])[]
  readonly weights: readonly (readonly number[])[]
}

const SHADES = ['░', '▒', '▓', '█'] as const
const CELL = 4

/** The shade of a weight from 0 to 1; a chosen expert is never blank. */
export const shade = (weight: number): string =>
  SHADES[Math.max(0, Math.min(SHADES.length - 1, Math.floor(weight * SHADES.length)))]

const cell = (text: string): string => text.padStart(CELL - 1).padEnd(CELL)

function row(routes: Routes, token: number): string {
  const cells = Array.from({ length: routes.experts }, (_, expert) => {
    const place = routes.selected[token].indexOf(expert)
    return cell(place < 0 ? '· ' : shade(routes.weights[token][place]).repeat(CELL - 1))
  })
  const words = routes.selected[token].map((expert, place) => `${expert} ${Math.round(routes.weights[token][place] * 100)} %`)
  return `${routes.tokens[token].padStart(6)}  ${cells.join('')}  ${words.join(', ')}`.trimEnd()
}

/** How many tokens each expert took. */
export const loads = ({ experts, selected }: Routes): readonly number[] =>
  Array.from({ length: experts }, (_, expert) => selected.filter((chosen) => chosen.includes(expert)).length)

export function drawRoutes(routes: Routes): string {
  const head =
    `${'token'.padStart(6)}  ${Array.from({ length: routes.experts }, (_, expert) => cell(`${expert} `)).join('')}`.trimEnd()
  const legend = `        ${SHADES.map((mark, at) => `${mark.repeat(CELL - 1)} ${at * 25}-${at * 25 + 25} %`).join('   ')}   of the answer`
  return [head, ...routes.tokens.map((_, token) => row(routes, token)), '', legend, ''].join('\n')
}

export function drawLoads(routes: Routes, width = 40): string {
  const counts = loads(routes)
  const most = Math.max(1, ...counts)
  const lines = counts.map(
    (count, expert) =>
      `expert ${expert}  ${'█'.repeat(Math.round((count / most) * width)).padEnd(width)}  ${count} ${count === 1 ? 'token' : 'tokens'}`,
  )
  return `${lines.join('\n')}\n`
}
