/**
 * What the bindings of a model that says how it learns have besides: its losses, metrics, layers and weights by name, and a class
 * that trains it.
 */
import {
  type ClassDeclarationStructure,
  type ImportDeclarationStructure,
  type InterfaceDeclarationStructure,
  type StatementStructures,
  type TypeAliasDeclarationStructure,
  Scope,
  StructureKind,
} from 'ts-morph'
import { reportOf } from '../../plan/output-role.ts'
import type { Plan, Port } from '../../plan/plan.ts'
import { competitionStepsOf, type Recipe } from '../../plan/recipe.ts'
import { weightPath } from '../../plan/weight-path.ts'
import { literal, propertyName } from './names.ts'
import { portDoc, tensorType } from './tensors.ts'
import { unionMembers, weightUnion } from './weight-names.ts'

const PACKAGE = 'smoe/training'
const VALUES = ['startTraining']
const TYPES = [
  'Data',
  'MachinePlans',
  'Saved',
  'TrainingFacts',
  'TypedBatchMetrics',
  'TypedEvent',
  'TypedStep',
  'TypedTraining',
  'TypedTrainingOptions',
]

export const trainingImport = (): ImportDeclarationStructure => ({
  kind: StructureKind.ImportDeclaration,
  moduleSpecifier: PACKAGE,
  namedImports: [...VALUES.map((value) => ({ name: value })), ...TYPES.map((type) => ({ name: type, isTypeOnly: true }))],
})

const alias = (name: string, type: string, doc: string): TypeAliasDeclarationStructure => ({
  kind: StructureKind.TypeAlias,
  name,
  isExported: true,
  docs: [doc],
  type,
})

/** A line a family of weights that have one shape. */
function weightsType({ weights }: Recipe): string {
  const byType = new Map<string, string[]>()
  for (const { name, shape } of weights) {
    const type = tensorType({ dtype: 'f32', shape: shape.map(String) })
    byType.set(type, [...(byType.get(type) ?? []), name])
  }
  const records = [...byType].flatMap(([type, names]) => unionMembers(names).map((member) => `\n& Record<${member}, ${type}>`))
  return `Readonly<${records.join('')}>`
}

function batchInterface(name: string, { inputs }: Recipe, { inputs: known }: Plan): InterfaceDeclarationStructure {
  const doc = (input: string): string => known.find((port) => port.name === input)?.doc ?? ''
  const ports = inputs.map(({ name: input, dtype, shape }): Omit<Port, 'buffer'> => ({
    name: input,
    dtype,
    shape: shape.map(String),
    doc: doc(input),
  }))
  return {
    kind: StructureKind.Interface,
    name: `${name}Batch`,
    isExported: true,
    docs: ['What a micro-batch feeds, in the sizes of the spec.'],
    properties: ports.map((port) => ({
      name: propertyName(port.name),
      type: tensorType(port),
      isReadonly: true,
      docs: [portDoc(port)],
    })),
  }
}

const hasFurther = ({ layers }: Recipe): boolean => layers.some(({ further }) => further !== undefined)

const namesInterface = (name: string, recipe: Recipe): InterfaceDeclarationStructure => ({
  kind: StructureKind.Interface,
  name: `${name}Names`,
  isExported: true,
  docs: ['The names by which training speaks of the model.'],
  properties: [
    ['loss', 'Loss'],
    ['metric', 'Metric'],
    ['layer', 'Layer'],
    ...(hasFurther(recipe) ? [['competitionStep', 'CompetitionStep']] : []),
    ['weights', 'Trained'],
    ['batch', 'Batch'],
  ].map(([property, type]) => ({ name: property, type: `${name}${type}`, isReadonly: true })),
})

/** `loss.next`; `loss.layers.0.moe.router.balance` belongs to a policy, and is reported in steps that compute it. */
const isOwn = (name: string): boolean => reportOf(name).path === ''

/** Text as it stands, as the ports. */
function factsConstant({ model, losses, metrics, weights }: Recipe, plan: Plan): string {
  const read = new Set(plan.weights.map((weight) => weightPath(weight.name)))
  const list = (names: readonly string[]): string => `[${names.map(literal).join(', ')}]`
  const reported = [...losses, ...metrics].filter(isOwn)
  const trainingOnly = weights.map(({ name }) => name).filter((name) => !read.has(name))
  return `\nconst TRAINING: TrainingFacts = {\n  model: ${literal(model)},\n  reported: ${list(reported)},\n  trainingOnly: ${list(trainingOnly)},\n}\n`
}

type Method = NonNullable<ClassDeclarationStructure['methods']>[number]

const startMethod = (name: string): Method => ({
  name: 'start',
  isStatic: true,
  isAsync: true,
  returnType: `Promise<${name}Training>`,
  parameters: [
    { name: 'device', type: 'Device' },
    { name: 'plans', type: 'MachinePlans' },
    { name: 'data', type: 'Data' },
    { name: 'options', type: 'TypedTrainingOptions', initializer: '{}' },
  ],
  docs: [
    'Makes a run ready on a device: its weights are there, and no step is done.\n' +
      'Throws a TypeError for the plans of another model, a FitError for data that do not fit it, a ResumeError for the saved state of another\n' +
      'run and a RuntimeError for what the device refuses.',
  ],
  statements: [`return new ${name}Training(await startTraining<${name}Names>(TRAINING, device, plans, data, options))`],
})

/** Where the spec finds its weights under other names, they are read by their paths all the same. */
function checkpointDoc(name: string, { weights }: Plan): string {
  const isByPath = weights.every((weight) => weight.pieces.every(({ tensor }) => tensor === weightPath(weight.name)))
  const plan = isByPath ? 'plan' : 'weightsByPath(plan)'
  const hint = isByPath
    ? ''
    : "\nThey go by their paths, not by the names in the spec's `weights`: `weightsByPath` of smoe/runtime is the plan that reads them so."
  return `The weights as they are now, for \`${name}.load(device, ${plan}, checkpoint)\`.${hint}`
}

const methods = (name: string, plan: Plan): readonly Method[] => [
  startMethod(name),
  {
    name: 'events',
    returnType: `AsyncGenerator<${name}Event, void>`,
    docs: ['The run, as it happens: it goes on as it is asked for the next event, and with the next call where it was left.'],
    statements: ['return this.run.events()'],
  },
  {
    name: 'evaluate',
    returnType: `Promise<TypedBatchMetrics<${name}Names>>`,
    parameters: [{ name: 'batch', type: `${name}Batch` }],
    docs: [
      'Losses, metrics and decisions for a batch, between two events. Throws a RangeError that names the axis where a length does not fit.',
    ],
    statements: ['return this.run.evaluate(batch)'],
  },
  {
    name: 'read',
    typeParameters: [{ name: 'Path', constraint: `${name}Learned`, default: `${name}Learned` }],
    returnType: `Promise<Readonly<Pick<${name}Trained, Path>>>`,
    parameters: [{ name: 'paths', type: 'readonly Path[]', hasQuestionToken: true }],
    docs: ['The weights of these paths, or all, as they are now.'],
    statements: ['return this.run.read(paths)'],
  },
  {
    name: 'checkpoint',
    returnType: 'Promise<Checkpoint>',
    docs: [checkpointDoc(name, plan)],
    statements: ['return this.run.checkpoint()'],
  },
  {
    name: 'save',
    returnType: 'Promise<Saved>',
    docs: [
      'All that the run goes on from, where it tells of a checkpoint or has ended: `saved` in the options of a start. Throws a StateError elsewhere.',
    ],
    statements: ['return this.run.save()'],
  },
  {
    name: 'dispose',
    returnType: 'void',
    docs: ['Frees what the run holds on the device, not the device; may be called again.'],
    statements: ['this.run.dispose()'],
  },
]

const trainingClass = (name: string, plan: Plan): ClassDeclarationStructure => ({
  kind: StructureKind.Class,
  name: `${name}Training`,
  isExported: true,
  docs: [`A run of training of the model ${plan.model}, as its spec says it.`],
  properties: [
    {
      name: 'run',
      type: `TypedTraining<${name}Names>`,
      isReadonly: true,
      docs: ['The recipe, and the machine for all that is not typed here.'],
    },
  ],
  ctors: [
    { scope: Scope.Private, parameters: [{ name: 'run', type: `TypedTraining<${name}Names>` }], statements: ['this.run = run'] },
  ],
  methods: [...methods(name, plan)],
})

export const trainingStatements = (name: string, plan: Plan, recipe: Recipe): readonly (StatementStructures | string)[] => [
  alias(
    `${name}Loss`,
    weightUnion(recipe.losses),
    'What is added up to the objective: losses of the model, and of its policies by the paths of their routers.',
  ),
  alias(`${name}Metric`, weightUnion(recipe.metrics), 'What is reported and no more.'),
  alias(`${name}Layer`, weightUnion(recipe.layers.map(({ layer }) => layer)), 'The layers that route.'),
  ...(hasFurther(recipe)
    ? [
        alias(
          `${name}CompetitionStep`,
          weightUnion(recipe.layers.flatMap(competitionStepsOf).map((one) => one.name)),
          'What happens in some steps only, by layers.',
        ),
      ]
    : []),
  alias(`${name}Learned`, weightUnion(recipe.weights.map((weight) => weight.name)), 'The paths of the weights that are learned.'),
  alias(`${name}Trained`, weightsType(recipe), 'The weights that are learned, by their paths.'),
  batchInterface(name, recipe, plan),
  namesInterface(name, recipe),
  alias(`${name}Event`, `TypedEvent<${name}Names>`, 'What a run tells.'),
  alias(`${name}Step`, `TypedStep<${name}Names>`, 'What it tells after each step.'),
  factsConstant(recipe, plan),
  trainingClass(name, plan),
]
