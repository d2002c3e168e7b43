/** What the bindings of a language model have besides: tokens after a prompt. */
import { type ClassDeclarationStructure, type ImportDeclarationStructure, Scope, StructureKind } from 'ts-morph'
import type { Plan } from '../../plan/plan.ts'
import { continuedPorts } from '../../plan/text-ports.ts'

const PACKAGE = 'smoe/generation'
const TYPES = ['AnswerTextToken', 'AnswerToken', 'IdOptions', 'TextModel', 'TextOptions', 'TokenIds']

/** Whether the plan continues one text: it takes tokens, and gives logits. */
export const continuesText = (plan: Plan): boolean => continuedPorts(plan).kind === 'found'

export const textImport = (): ImportDeclarationStructure => ({
  kind: StructureKind.ImportDeclaration,
  moduleSpecifier: PACKAGE,
  namedImports: [{ name: 'createTextModel' }, ...TYPES.map((name) => ({ name, isTypeOnly: true }))],
})

export const TEXT_PROPERTY: NonNullable<ClassDeclarationStructure['properties']>[number] = {
  name: 'text',
  type: 'TextModel',
  scope: Scope.Private,
  isReadonly: true,
}

export const TEXT_STATEMENT = 'this.text = createTextModel(session)'

/** What a token takes. */
const costText = ({ state }: Plan): string =>
  state === undefined
    ? 'Each token evaluates the whole text: the plan keeps nothing between runs, as `smoe compile --context N` has it do where the model allows.'
    : `The prompt is evaluated once, and each further token by itself: ${state.longest} tokens of prompt and answer are kept at most.`

const docOf = (plan: Plan): string =>
  'Tokens after a prompt, which is token ids, or a text where a tokenizer is given.\n' +
  `${costText(plan)}\n` +
  'A text that is begun ends the one before it. Throws an ArgumentError for wrong options, an InputError for a prompt that is empty, too\n' +
  'long or has other tokens than the model, and the reason of the signal once it is aborted.'

type Method = NonNullable<ClassDeclarationStructure['methods']>[number]

export const generateMethod = (plan: Plan): Method => ({
  name: 'generate',
  returnType: 'AsyncGenerator<AnswerTextToken, void>',
  parameters: [
    { name: 'prompt', type: 'string | TokenIds' },
    { name: 'options', type: 'IdOptions | TextOptions', hasQuestionToken: true },
  ],
  overloads: [
    {
      docs: [docOf(plan)],
      returnType: 'AsyncGenerator<AnswerToken, void>',
      parameters: [
        { name: 'prompt', type: 'TokenIds' },
        { name: 'options', type: 'IdOptions', hasQuestionToken: true },
      ],
    },
    {
      returnType: 'AsyncGenerator<AnswerTextToken, void>',
      parameters: [
        { name: 'prompt', type: 'string | TokenIds' },
        { name: 'options', type: 'TextOptions' },
      ],
    },
  ],
  statements: ['return this.text.generate(prompt, options)'],
})
