/** The report as one page that needs nothing else: no network, no library. */
import type { RoutingReport } from '../../runtime/routing/report.ts'
import { IDS, type PageData } from './page/data.ts'

/** Put in by the bundler: the page's own script, made of `page/client`, and its style. */
declare const PAGE_ASSETS: { readonly script: string; readonly style: string }

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

/** JSON that no `</script>` in a name can end. */
const embed = (data: PageData): string => JSON.stringify(data).replaceAll('<', '\\u003c')

/** One report, or two of the same layers; `names` are those of their files. */
export function page(reports: readonly RoutingReport[], names: readonly string[]): string {
  const { script, style } = PAGE_ASSETS
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Routing of ${escape(reports.map(({ model }) => model).join(' and '))}</title>
<link rel="icon" href="data:,">
<style>
${style}</style>
<main id="${IDS.root}"><noscript>The figures are drawn by a script of this page.</noscript></main>
<script type="application/json" id="${IDS.data}">${embed({ reports, names })}</script>
<script>
${script.replaceAll('</script', '<\\/script')}</script>
</html>
`
}
