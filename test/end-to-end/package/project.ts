/** A project of a user: the packed package, installed from its tarball into an empty folder. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { root } from '../../support/sources.ts'

export interface Project {
  readonly folder: string
  /** A line of bash in the folder, with `smoe` and `tsc` on its path. Both streams, as a terminal would mix them. */
  readonly shell: (line: string) => { readonly text: string; readonly code: number | null }
}

/** What the programs of `examples/programs` print. */
export const LINE = 'logits [1, 3, 64]; after 5, 8, 13 the model expects token 50'

const QUIET = '--no-audit --no-fund --prefer-offline --loglevel=error'

export function createProject(): Project {
  const folder = mkdtempSync(join(tmpdir(), 'smoe-package-'))
  const bin = join(folder, 'node_modules/.bin')
  const env = {
    ...process.env,
    PATH: `${bin}${delimiter}${process.env.PATH}`,
    SMOE_CACHE: join(folder, '.cache'),
    NO_COLOR: '1',
    CI: 'true',
  }
  // the name of a script that npm runs would send the command line elsewhere
  const { npm_lifecycle_event: _, INIT_CWD: __, FORCE_COLOR: ___, ...clean } = env as Record<string, string | undefined>
  return {
    folder,
    shell: (line) => {
      // a pipe of the shell, not a socket of Node: as users have it
      const { stdout, status } = spawnSync('bash', ['-o', 'pipefail', '-c', `{ ${line}\n} 2>&1 | cat`], {
        cwd: folder,
        env: clean,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      return { text: stdout, code: status }
    },
  }
}

/** Packs this tree and installs it alone, without its optional peer. Throws what npm says. */
export function install({ folder, shell }: Project): void {
  mkdirSync(join(folder, '.pack'))
  const run = (line: string): void => {
    const { text, code } = shell(line)
    if (code !== 0) throw new Error(`${line}: ${text}`)
  }
  run(`npm pack '${root}' --pack-destination .pack ${QUIET}`)
  const [tarball] = readdirSync(join(folder, '.pack'))
  run(`npm init -y && npm pkg set type=module && npm install ${QUIET} ./.pack/${tarball}`)
}

/** What a line of the instructions installs, without noise. */
export const installing = (command: string): string => `${command} ${QUIET}`
