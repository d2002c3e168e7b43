/** Whether a value read from JSON is a Plan that can be run. Never throws: every problem is told, with its place. */

import { PLAN_VERSION, type Plan } from './plan.ts'
import { checkReferences } from './references.ts'
import { conforms } from './schema.ts'

export interface CheckedPlan {
  readonly plan: Plan | null
  /** Each begins with where it is: `programs[0].steps[3].bindings[1].buffer: no buffer has the id 17`. */
  readonly problems: readonly string[]
}

/** Form first; what refers to what only where the form is right. */
export function checkPlan(value: unknown): CheckedPlan {
  const version = (value as { version?: unknown } | null | undefined)?.version
  if (typeof version === 'number' && version !== PLAN_VERSION) {
    return {
      plan: null,
      problems: [`version: this runs plans of version ${PLAN_VERSION}, not ${version}; compile the spec again`],
    }
  }
  const problems: string[] = []
  if (!conforms(value, problems)) return { plan: null, problems }
  problems.push(...checkReferences(value))
  return { plan: problems.length === 0 ? value : null, problems }
}

/** Reads a plan from JSON text. Never throws. */
export function readPlan(text: string): CheckedPlan {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return { plan: null, problems: [`the plan is not JSON: ${(error as Error).message}`] }
  }
  return checkPlan(value)
}
