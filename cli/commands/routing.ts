/** `smoe routing REPORT [OTHER]`: draws routing reports, in the terminal and as a page; of two records, where they first part. */
import { basename } from 'node:path'
import { Option, type Command } from 'commander'
import { closest } from '../../grammar/suggest.ts'
import { compareReports } from '../../runtime/routing/difference.ts'
import type { LayerReport, RoutingReport } from '../../runtime/routing/report.ts'
import { readReport } from '../../runtime/routing/text.ts'
import { formatOption, type CommandModule, type Context, type FormatOption } from '../command.ts'
import { EXIT, Failure, type ExitCode } from '../exit.ts'
import { writeWhole } from '../files.ts'
import { readText } from '../load.ts'
import { writeJson } from '../output.ts'
import { drawComparison, drawLayer, drawReport, type Sheet } from '../routing/draw.ts'
import { page } from '../routing/page.ts'
import { compareRecords, isRecord } from '../routing/records.ts'
import { keepApart } from '../overwriting.ts'
import type { Terminal } from '../terminal.ts'

interface Options extends FormatOption {
  readonly html?: string
  readonly layer?: string
}

function open(file: string, terminal: Terminal): RoutingReport {
  const report = readReport(readText(file, terminal), file)
  if (report.layers.length === 0) throw new Failure(EXIT.usage, `${file}: the report has no layer`)
  return report
}

function layerOf({ layers }: RoutingReport, wanted: string): LayerReport {
  const found = layers.find(({ name }) => name === wanted)
  if (found !== undefined) return found
  const names = layers.map(({ name }) => name)
  const meant = closest(wanted, names)
  throw new Failure(
    EXIT.usage,
    `the report has no layer '${wanted}'`,
    meant === null ? `it has ${names.slice(0, 8).join(', ')}${names.length > 8 ? ', ...' : ''}` : `did you mean '${meant}'?`,
  )
}

async function drawAll(files: readonly string[], options: Options, terminal: Terminal): Promise<ExitCode> {
  if (files.some(isRecord)) return compareRecords(files, options.format, terminal)
  keepApart(
    [['--html', options.html]],
    files.map((file) => ['the report', file] as const),
    terminal,
  )
  const reports = files.map((file) => open(file, terminal))
  const [first, second] = reports
  const differences = second === undefined ? null : compareReports(first, second, files[1])
  const chosen = options.layer === undefined ? null : reports.map((report) => layerOf(report, options.layer!))
  if (options.html !== undefined) {
    await writeWhole(
      options.html,
      page(
        reports,
        files.map((file) => basename(file)),
      ),
      terminal,
    )
    terminal.err(`wrote ${options.html}\n`)
  }
  const sheet: Sheet = { columns: terminal.columns, hasColor: terminal.outHasColor }
  if (options.format === 'json')
    writeJson(terminal, differences === null ? (chosen?.[0] ?? first) : { reports: chosen ?? reports, differences })
  else if (chosen !== null)
    terminal.out(
      chosen
        .map((layer, at) => `${second === undefined ? '' : `${'AB'[at]} ${files[at]} `}${drawLayer(layer, sheet)}`)
        .join('\n'),
    )
  else if (options.html === undefined)
    terminal.out(differences === null ? drawReport(first, sheet) : drawComparison(reports, files, differences, sheet))
  return EXIT.ok
}

export const routing: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    command
      .argument('<report>', 'what smoe run --routing wrote; or a record of --record-routes')
      .argument('[other]', 'a report of the same layers to compare with; or a record of the same run')
      .option('--html <file>', 'writes one self-contained page instead: open it in a browser')
      .addOption(new Option('--layer <name>', 'one layer, an expert a line'))
      .addOption(formatOption())
      .action(
        run((report: string, other: string | undefined, options: Options) =>
          drawAll(other === undefined ? [report] : [report, other], options, terminal),
        ),
      ),
}
