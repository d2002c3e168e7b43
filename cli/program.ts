/** The command line: which commands there are, and what each way to end means. */
import { Command, CommanderError } from 'commander'
import type { CommandModule, Context } from './command.ts'
import { EXIT, Failure, type ExitCode } from './exit.ts'
import { RuntimeError, type ErrorKind } from '../runtime/errors.ts'
import type { Terminal } from './terminal.ts'
import { VERSION } from './version.ts'

interface Entry {
  readonly summary: string
  readonly load: () => Promise<CommandModule>
}

/** Loaded when they are called: `check` does not wait for what `run` needs. */
const COMMANDS: Readonly<Record<string, Entry>> = {
  check: { summary: 'find the mistakes in a spec', load: async () => (await import('./commands/check.ts')).check },
  fmt: { summary: 'write a spec in its canonical form', load: async () => (await import('./commands/fmt.ts')).fmt },
  compile: {
    summary: 'turn a spec into a plan, its kernels and typed bindings',
    load: async () => (await import('./commands/bundled.ts')).compile,
  },
  explain: {
    summary: 'show what a spec becomes at a stage of the compiler',
    load: async () => (await import('./commands/bundled.ts')).explain,
  },
  run: { summary: 'run a model on tensors from files', load: async () => (await import('./commands/run.ts')).run },
  debug: {
    summary: 'find the pass or kernel that a wrong number comes from',
    load: async () => (await import('./commands/bundled.ts')).debug,
  },
  train: { summary: 'train a model on data', load: async () => (await import('./commands/bundled.ts')).train },
  routing: {
    summary: 'draw a routing report, in the terminal or as a page',
    load: async () => (await import('./commands/bundled.ts')).routing,
  },
  import: {
    summary: 'write a spec for a Hugging Face checkpoint',
    load: async () => (await import('./commands/bundled.ts')).importCommand,
  },
  export: {
    summary: 'write a model as a folder that transformers and other programs load',
    load: async () => (await import('./commands/bundled.ts')).exportCommand,
  },
  inspect: {
    summary: 'look at the routed layers of a checkpoint: collapse, norms, similarity, spectra, load; beside another',
    load: async () => (await import('./commands/bundled.ts')).inspect,
  },
  prune: {
    summary: 'remove experts of a checkpoint by a criterion, and write the smaller checkpoint',
    load: async () => (await import('./commands/bundled.ts')).prune,
  },
  quantize: {
    summary: 'store weights of a checkpoint in fewer bits, and say how far they are from what they were',
    load: async () => (await import('./commands/bundled.ts')).quantize,
  },
  upcycle: {
    summary: 'turn a dense checkpoint into a sparse one that computes the same',
    load: async () => (await import('./commands/bundled.ts')).upcycle,
  },
  reroute: {
    summary: 'route a checkpoint by the singular vectors of its experts, without training',
    load: async () => (await import('./commands/bundled.ts')).reroute,
  },
  plan: {
    summary: 'say what running a model takes, before anything of it is allocated',
    load: async () => (await import('./commands/bundled.ts')).planCommand,
  },
  eval: {
    summary: 'measure how well a model predicts text, alone or beside another',
    load: async () => (await import('./commands/bundled.ts')).evalCommand,
  },
  generate: {
    summary: 'continue a prompt with a language model',
    load: async () => (await import('./commands/bundled.ts')).generateCommand,
  },
  chat: {
    summary: 'talk to a language model',
    load: async () => (await import('./commands/bundled.ts')).chat,
  },
  embed: {
    summary: 'turn texts into vectors, and say how near they are',
    load: async () => (await import('./commands/bundled.ts')).embed,
  },
  bench: {
    summary: 'measure a mixture-of-experts layer, or the training step of a spec, on devices in turns',
    load: async () => (await import('./commands/bundled.ts')).bench,
  },
  doctor: {
    summary: 'list the devices of this machine, and what is missing',
    load: async () => (await import('./commands/bundled.ts')).doctor,
  },
}

/** What each kind of error of the runtime means for the program; a plan or a kernel that is refused was made by us. */
const OUTCOME: { readonly [K in ErrorKind]: ExitCode } = {
  'no-adapter': EXIT.noAdapter,
  'device-lost': EXIT.noAdapter,
  device: EXIT.noAdapter,
  limit: EXIT.noAdapter,
  feature: EXIT.noAdapter,
  'out-of-memory': EXIT.noAdapter,
  plan: EXIT.bug,
  kernel: EXIT.bug,
  state: EXIT.bug,
  store: EXIT.bug,
  input: EXIT.usage,
  weight: EXIT.badCheckpoint,
  checkpoint: EXIT.badCheckpoint,
  'not-finite': EXIT.numbersDiffer,
  route: EXIT.usage,
  file: EXIT.usage,
}

function createProgram(terminal: Terminal): Command {
  const program = new Command('smoe')
  return program
    .description('A compiler for sparse mixture-of-experts models: routing as a declaration.')
    .version(VERSION)
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError('(smoe help COMMAND lists what it takes)')
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err, outputError: (text, write) => write(text) })
}

/** Every command by name and summary; options only for the one that is called. */
async function addCommands(program: Command, context: Context, wanted: string | undefined): Promise<void> {
  for (const [name, entry] of Object.entries(COMMANDS)) {
    const command = program
      .command(name)
      .summary(entry.summary)
      .description(`${entry.summary[0].toUpperCase()}${entry.summary.slice(1)}.`)
    if (name === wanted) (await entry.load()).define(command, context)
  }
}

function reportFailure(failure: Failure, terminal: Terminal): ExitCode {
  if (failure.message !== '') terminal.err(`smoe: ${failure.message}\n`)
  if (failure.help !== null) terminal.err(`  ${failure.help}\n`)
  return failure.code
}

/** Ours to mend: says so, with what a report needs. */
export function reportBug(problem: unknown, args: readonly string[], terminal: Terminal): ExitCode {
  const error = problem instanceof Error ? problem : new Error(String(problem))
  const trace = (error.stack ?? error.message).split('\n').slice(0, 8).join('\n')
  terminal.err(
    `smoe: internal error. This is a fault of smoe, not of your spec.\n\n${trace}\n\n` +
      `  smoe ${VERSION}, node ${process.versions.node}, ${process.platform} ${process.arch}\n  smoe ${args.join(' ')}\n\n` +
      `Please report it with the lines above and, if you can, the spec: see CONTRIBUTING.md, "Reporting a fault".\n`,
  )
  return EXIT.bug
}

/** Runs one command line, without the program's own name; resolves to the exit code and never rejects. */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok
  const context: Context = {
    terminal,
    run:
      (action) =>
      async (...given) => {
        code = await action(...given)
      },
  }
  try {
    const program = createProgram(terminal)
    const words = args.filter((word) => !word.startsWith('-'))
    await addCommands(program, context, words[0] === 'help' ? words[1] : words[0])
    await program.parseAsync(args, { from: 'user' })
    return code
  } catch (problem) {
    if (problem instanceof Failure) return reportFailure(problem, terminal)
    if (problem instanceof RuntimeError && OUTCOME[problem.kind] !== EXIT.bug) {
      return reportFailure(new Failure(OUTCOME[problem.kind], problem.message), terminal)
    }
    if (problem instanceof CommanderError) return problem.exitCode === 0 ? EXIT.ok : EXIT.usage
    return reportBug(problem, args, terminal)
  }
}
