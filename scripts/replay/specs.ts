/**
 * The specs of the repository: examples, imported checkpoints, a layer for each policy of the library, and the layers of the
 * golden vectors.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { importModel } from '../../cli/import/import.ts'
import type { Source } from '../../grammar/source.ts'
import { cases } from '../../test/golden/cases.ts'
import { textOf } from '../../test/golden/layers.ts'
import { textOf as textOfPolicy } from '../../test/std/layer.ts'
import { layers } from '../../test/std/policies.ts'

export interface Spec {
  readonly name: string
  readonly source: Source
}

const read = (root: string, path: string): string => readFileSync(join(root, path), 'utf8')
const below = (root: string, folder: string): readonly string[] =>
  existsSync(join(root, folder)) ? readdirSync(join(root, folder)).sort() : []

const examples = (root: string): readonly Spec[] =>
  below(root, 'examples')
    .filter((file) => file.endsWith('.smoe'))
    .map((file) => ({
      name: `examples/${file.slice(0, -5)}`,
      source: { path: `examples/${file}`, text: read(root, `examples/${file}`) },
    }))

function checkpoints(root: string): readonly Spec[] {
  const folder = 'test/fixtures/checkpoints'
  return below(root, folder)
    .filter((name) => existsSync(join(root, folder, name, 'config.json')))
    .flatMap((name) => {
      const imported = importModel(JSON.parse(read(root, `${folder}/${name}/config.json`)))
      return imported.kind === 'spec'
        ? [{ name: `checkpoints/${name}`, source: { path: `${folder}/${name}.smoe`, text: imported.spec } }]
        : []
    })
}

const policies = (): readonly Spec[] =>
  layers.map((layer) => {
    const after = ['loss task = mean(mean(mean(answers * answers)))']
    return { name: `policies/${layer.route}`, source: { path: 'policies/layer.smoe', text: textOfPolicy({ ...layer, after }) } }
  })

const golden = (): readonly Spec[] =>
  cases.map(({ name, layer }) => ({ name: `golden/${name}`, source: { path: 'test/golden/layer.smoe', text: textOf(layer) } }))

export const specsOf = (root: string): readonly Spec[] => [...examples(root), ...checkpoints(root), ...policies(), ...golden()]
