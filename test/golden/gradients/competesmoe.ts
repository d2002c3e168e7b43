/** CompeteSMoE: a competition and a step of the router alone, their losses one by one and together. */
import type { Tensors } from '../case.ts'
import type { Layer } from '../layers.ts'
import type { GradientCase, Term } from './case.ts'
import { layerOf, withTask } from './layers.ts'

const routed = (file: string, settings: string): Layer =>
  withTask({ ...layerOf(file), route: `competition(k = 2, sequences = B, ${settings})` })

/** Outputs of the policy's losses. */
const named = (...names: readonly string[]): readonly string[] => names.map((name) => `loss.moe.router.${name}`)

const value =
  (name: string) =>
  (vectors: Tensors): number =>
    vectors[name].values[0]

/** Every loss counts 1, so that each is what the file has. */
const WHOLE = 'distillation = 1.0, diversity = 1.0, competition_balance = 1.0, balance = 1.0, z = 1.0'

const task: Term = { prefix: 'grad_task', losses: ['loss.task'], value: value('task_loss') }

function competition(file: string, theta: number): readonly GradientCase[] {
  const apart: GradientCase = {
    name: `${file}, term by term`,
    files: [file],
    layer: routed(file, `theta = ${theta}, ${WHOLE}`),
    training: true,
    terms: [
      task,
      { prefix: 'grad_router', losses: named('distil'), value: value('info.routerloss') },
      { prefix: 'grad_diversity', losses: named('diversity'), value: value('info.diversity_loss') },
      { prefix: 'grad_balance', losses: named('competition_balance'), value: value('info.balance_loss') },
    ],
  }
  const layer = routed(file, `theta = ${theta}, distillation = 0.01, diversity = 0.01, competition_balance = 0.01`)
  return [apart, { name: file, files: [file], layer, training: true, terms: [{ prefix: 'grad', value: value('loss') }] }]
}

function guess(file: string): readonly GradientCase[] {
  const apart: GradientCase = {
    name: `${file}, term by term`,
    files: [file],
    layer: routed(file, WHOLE),
    training: [],
    terms: [
      task,
      { prefix: 'grad_balance', losses: named('balance'), value: value('info.balance_loss') },
      { prefix: 'grad_z', losses: named('z'), value: value('info.router_z_loss') },
    ],
  }
  return [
    apart,
    {
      name: file,
      files: [file],
      layer: routed(file, 'balance = 0.01, z = 0.001'),
      training: [],
      terms: [{ prefix: 'grad', value: value('loss') }],
    },
  ]
}

/** The losses of the language model's file, each with its coefficient. */
const inLanguage = (file: string, training: GradientCase['training'], reg: Readonly<Record<string, string>>): GradientCase => ({
  name: file,
  files: [file],
  training,
  layer: routed(
    file,
    'unevenness = "entropy", theta = 0.2, distillation = 0.001, diversity = 0.005, competition_balance = 0.005, balance = 0.01, z = 0.0',
  ),
  terms: [{ prefix: 'grad', value: value('loss') }],
  values: Object.fromEntries(Object.entries(reg).map(([loss, name]) => [`loss.moe.router.${loss}`, value(`reg.${name}`)])),
})

export const competesmoe: readonly GradientCase[] = [
  ...competition('competesmoe/vlm_compete_hybrid', 0.1),
  ...competition('competesmoe/vlm_compete_plain', 0),
  ...guess('competesmoe/vlm_router_hybrid'),
  inLanguage('competesmoe/lm_competesmoe_compete', true, {
    diversity: 'mlp_comp_diver_loss',
    competition_balance: 'mlp_comp_ebalance',
    distil: 'mlp_router_loss',
  }),
  inLanguage('competesmoe/lm_competesmoe_router', [], { balance: 'mlp_ebalance' }),
]
