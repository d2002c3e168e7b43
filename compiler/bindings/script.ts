/** Bindings for programs in JavaScript: the same text without its types. */
import { ts } from 'ts-morph'

export const bindingsScript = (bindings: string): string =>
  ts.transpileModule(bindings, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
  }).outputText
