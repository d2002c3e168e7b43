/**
 * As a new user has it: the packed package in an empty project, the tour of the README, and the programs of `examples/programs`.
 */
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mayHaveGpu } from '../../../runtime/node/gpu-present.ts'
import { root } from '../../support/sources.ts'
import { createProject, install, installing, LINE } from './project.ts'
import { missing, stepsOf } from './tour.ts'

const project = createProject()
const { folder, shell } = project
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const { typescript } = (
  JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { devDependencies: Record<string, string> }
).devDependencies

beforeAll(() => install(project), 600_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.sequential('an installed package', () => {
  test('has no WebGPU, and says that a machine without a GPU needs none', () => {
    const { text, code } = shell('smoe doctor')
    expect(code).toBe(0)
    expect(text).not.toMatch(/npm ci|npm run|Warning/)
    expect(text).toMatch(/cpu, \d+ threads? +<- used by default/)
    expect(text).toMatch(/Dawn \(the npm package webgpu\) +not installed +-> npm install webgpu/)
    if (!mayHaveGpu()) expect(text).toContain('the package webgpu is not needed: this machine has no GPU')
  })

  test('begins as the README says', () => {
    const [copy] = /^cp -r node_modules.*$/m.exec(readme) ?? []
    expect(shell(copy ?? 'false').code).toBe(0)
  })

  test.each(stepsOf(readme))(
    '$command',
    ({ command, output }) => {
      const { text } = shell(command)
      expect(text).not.toMatch(/internal error|Warning/)
      expect(missing(output, text.trimEnd().split('\n')), text).toBeNull()
    },
    600_000,
  )

  test('the program of the README is the one of the examples, and the same in JavaScript but for its first line', () => {
    const program = (ending: string): string => readFileSync(join(folder, `examples/programs/next-token.${ending}`), 'utf8')
    expect(readme).toContain(program('ts'))
    expect(program('js').split('\n').slice(1)).toEqual(program('ts').split('\n').slice(1))
  })

  test('the TypeScript program compiles under default options and under strict alone, and runs', () => {
    expect(shell(installing(`npm install --save-dev typescript@${typescript}`)).code).toBe(0)
    mkdirSync(join(folder, 'typed'))
    copyFileSync(join(folder, 'examples/programs/next-token.ts'), join(folder, 'typed/next-token.ts'))
    expect(shell('cp -r out typed/out && rm typed/out/mixtral.js && cd typed && tsc --init').code).toBe(0)
    expect(shell('cd typed && tsc')).toMatchObject({ text: '', code: 0 })
    expect(shell('node typed/next-token.js').text).toContain(LINE)
    const strict = {
      compilerOptions: { strict: true, noEmit: true, module: 'nodenext', target: 'es2022' },
      files: ['next-token.ts'],
    }
    writeFileSync(join(folder, 'typed/strict.json'), JSON.stringify(strict))
    expect(shell('cd typed && tsc -p strict.json')).toMatchObject({ text: '', code: 0 })
  }, 300_000)

  test('without a device asked for it takes the cpu, and says why', () => {
    const { text, code } = shell(
      'smoe run mixtral.smoe --weights examples/tiny-mixtral --in tokens=examples/tiny-mixtral/reference.safetensors:input_ids',
    )
    expect(code, text).toBe(0)
    expect(text).toMatch(mayHaveGpu() ? /^on cpu, \d+ threads?: no GPU was/ : /^on cpu, \d+ threads?: this machine has no GPU\n/)
  })
})
