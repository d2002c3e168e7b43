/**
 * From a plan to the TypeScript that calls it: a class a model, and one that trains it, wrong names, dtypes and ranks refused by
 * the type checker.
 */
import {
  type ClassDeclarationStructure,
  type InterfaceDeclarationStructure,
  type StatementStructures,
  type TypeAliasDeclarationStructure,
  IndentationText,
  Project,
  QuoteKind,
  Scope,
  StructureKind,
} from 'ts-morph'
import { checkArgument, nullable } from '../../plan/arguments.ts'
import { PLAN, RECIPE } from '../../plan/forms.ts'
import type { Plan, Port } from '../../plan/plan.ts'
import type { Recipe } from '../../plan/recipe.ts'
import { className, docText, literal, propertyName } from './names.ts'
import { portDoc, tensorType } from './tensors.ts'
import { continuesText, generateMethod, TEXT_PROPERTY, TEXT_STATEMENT, textImport } from './text.ts'
import { trainingImport, trainingStatements } from './training.ts'
import { weightUnion } from './weight-names.ts'

const PACKAGE = 'smoe/runtime'

function portsInterface(name: string, ports: readonly Port[], doc: string): InterfaceDeclarationStructure {
  return {
    kind: StructureKind.Interface,
    name,
    isExported: true,
    docs: [doc],
    properties: ports.map((port) => ({
      name: propertyName(port.name),
      type: tensorType(port),
      isReadonly: true,
      docs: [portDoc(port)],
    })),
  }
}

function dimsInterface(name: string, plan: Plan): InterfaceDeclarationStructure {
  const doc = (dim: Plan['dims'][number]): string =>
    docText([dim.doc === '' ? `Length of the axes called ${dim.name}, in elements.` : dim.doc])
  return {
    kind: StructureKind.Interface,
    name,
    isExported: true,
    docs: ['The dimensions that the inputs of a run decide.'],
    properties: plan.dims.map((dim) => ({ name: propertyName(dim.name), type: 'number', isReadonly: true, docs: [doc(dim)] })),
  }
}

const weightsAlias = (name: string, plan: Plan): TypeAliasDeclarationStructure => ({
  kind: StructureKind.TypeAlias,
  name,
  isExported: true,
  docs: ['The paths of the weights in the model.'],
  type: weightUnion(plan.weights.map((weight) => weight.name)),
})

const portText = ({ name, dtype, shape }: Port): string =>
  `{ name: ${literal(name)}, dtype: '${dtype}', shape: [${shape.map(literal).join(', ')}] }`

/** Text as it stands: a structure's initializer would be indented once more. */
const portsConstant = (ports: readonly Port[]): string =>
  `\nconst INPUTS: readonly TypedPort[] = [\n${ports.map((port) => `  ${portText(port)},\n`).join('')}]\n`

function modelClass(name: string, plan: Plan): ClassDeclarationStructure {
  const hasText = continuesText(plan)
  return {
    kind: StructureKind.Class,
    name,
    isExported: true,
    docs: [docText([plan.doc === '' ? `The model ${plan.model}.` : plan.doc])],
    properties: [
      { name: 'session', type: 'Session', isReadonly: true, docs: ['What runs the plan, for all that is not typed here.'] },
      ...(hasText ? [TEXT_PROPERTY] : []),
    ],
    ctors: [
      {
        scope: Scope.Private,
        parameters: [{ name: 'session', type: 'Session' }],
        statements: ['this.session = session', ...(hasText ? [TEXT_STATEMENT] : [])],
      },
    ],
    methods: [
      loadMethod(name, plan),
      dimsMethod(name),
      runMethod(name),
      ...(hasText ? [generateMethod(plan)] : []),
      weightShapeMethod(name),
      disposeMethod(),
    ],
  }
}

type Method = NonNullable<ClassDeclarationStructure['methods']>[number]

const loadMethod = (name: string, plan: Plan): Method => ({
  name: 'load',
  isStatic: true,
  isAsync: true,
  returnType: `Promise<${name}>`,
  parameters: [
    { name: 'device', type: 'Device' },
    { name: 'plan', type: 'Plan' },
    { name: 'checkpoint', type: 'Checkpoint' },
    { name: 'options', type: 'LoadOptions', initializer: '{}' },
  ],
  docs: [
    'Makes the plan that was compiled with this file ready on a device, with the weights of a checkpoint.\n' +
      'Throws a TypeError for the plan of another model and a RuntimeError for what the device or the checkpoint refuses.',
  ],
  statements: [
    `if (plan.model !== ${literal(plan.model)}) throw new TypeError(\`this is the plan of \${plan.model}, not of ${plan.model}\`)`,
    'const session = await createSession(device, plan)',
    'try {\n  await session.loadWeights(checkpoint, options)\n} catch (error) {\n  session.dispose()\n  throw error\n}',
    `return new ${name}(session)`,
  ],
})

const dimsMethod = (name: string): Method => ({
  name: 'dims',
  returnType: `${name}Dims`,
  parameters: [{ name: 'inputs', type: `${name}Inputs` }],
  docs: ['The dimensions these inputs mean. Throws a RangeError that names the dimension where a length does not fit.'],
  statements: [`return checkInputs(INPUTS, { ...inputs }) as unknown as ${name}Dims`],
})

const runMethod = (name: string): Method => ({
  name: 'run',
  isAsync: true,
  returnType: `Promise<${name}Outputs>`,
  parameters: [
    { name: 'inputs', type: `${name}Inputs` },
    { name: 'options', type: 'RunOptions', initializer: '{}' },
  ],
  docs: [
    'One run. Throws a RangeError that names the dimension where the length of an input does not fit. NaN and infinite values are given as they\n' +
      'are: `findNonFinite` of smoe/runtime tells their rows, and `{ checkFinite: true }` refuses them by a NotFiniteError.',
  ],
  statements: ['this.dims(inputs)', `return (await this.session.run({ ...inputs }, options)) as unknown as ${name}Outputs`],
})

const weightShapeMethod = (name: string): Method => ({
  name: 'weightShape',
  returnType: 'readonly number[]',
  parameters: [{ name: 'path', type: `${name}Weight` }],
  docs: ['The shape of a weight, by its path in the model.'],
  statements: ['return this.session.plan.weights.find(({ name }) => name === path)?.shape.map(Number) ?? []'],
})

const disposeMethod = (): Method => ({
  name: 'dispose',
  returnType: 'void',
  docs: ['Frees what the model holds on the device, not the device; may be called again.'],
  statements: ['this.session.dispose()'],
})

const VALUES = ['checkInputs', 'createSession']
const TYPES = ['Checkpoint', 'Device', 'LoadOptions', 'Plan', 'RunOptions', 'Session', 'Tensor', 'TypedPort']

function statementsOf(plan: Plan, recipe: Recipe | null): readonly (StatementStructures | string)[] {
  const name = className(plan.model)
  return [
    {
      kind: StructureKind.ImportDeclaration,
      moduleSpecifier: PACKAGE,
      namedImports: [...VALUES.map((value) => ({ name: value })), ...TYPES.map((type) => ({ name: type, isTypeOnly: true }))],
    },
    ...(continuesText(plan) ? [textImport()] : []),
    ...(recipe === null ? [] : [trainingImport()]),
    portsInterface(`${name}Inputs`, plan.inputs, `What a run of ${plan.model} takes.`),
    portsInterface(
      `${name}Outputs`,
      plan.outputs.filter(({ replaces }) => replaces === undefined),
      `What a run of ${plan.model} gives.`,
    ),
    dimsInterface(`${name}Dims`, plan),
    weightsAlias(`${name}Weight`, plan),
    portsConstant(plan.inputs),
    modelClass(name, plan),
    ...(recipe === null ? [] : trainingStatements(name, plan, recipe)),
  ]
}

/**
 * The text of the bindings: one module that imports the runtime package. That of a language model imports the generation package,
 * and continues texts; with a recipe it imports the training package, and trains the model.
 */
export function generateBindings(plan: Plan, recipe: Recipe | null = null): string {
  checkArgument('generateBindings', 'plan', plan, PLAN)
  checkArgument('generateBindings', 'recipe', recipe, nullable(RECIPE))
  const project = new Project({
    useInMemoryFileSystem: true,
    manipulationSettings: { indentationText: IndentationText.TwoSpaces, quoteKind: QuoteKind.Single, useTrailingCommas: true },
  })
  const file = project.createSourceFile('bindings.ts')
  file.set({ statements: [...statementsOf(plan, recipe)] })
  return `// Generated by smoe from the model ${plan.model}: change the spec, not this file.\n${file.getFullText().replaceAll(/;?[ \t]*$/gm, '')}`
}
