/** A picture as one page that needs nothing else: no network, no library. */
import { IDS } from './routing/page/data.ts'

/** Put in by the bundler: each page's own script and its style. */
declare const PAGE_ASSETS: {
  readonly [N in 'routing' | 'training' | 'eval' | 'inspect']: { readonly script: string; readonly style: string }
}

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

/** JSON that no `</script>` in a name can end. */
const embed = (data: unknown): string => JSON.stringify(data).replaceAll('<', '\\u003c')

/** The page that draws `data`. */
export function htmlPage(name: keyof typeof PAGE_ASSETS, title: string, data: unknown): string {
  const { script, style } = PAGE_ASSETS[name]
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<link rel="icon" href="data:,">
<style>
${style}</style>
<main id="${IDS.root}"><noscript>The figures are drawn by a script of this page.</noscript></main>
<script type="application/json" id="${IDS.data}">${embed(data)}</script>
<script>
${script.replaceAll('</script', '<\\/script')}</script>
</html>
`
}
