/** The names in the directory of a run. */

/** The directory of its checkpoints. */
export const CHECKPOINTS = 'checkpoints'

/** The file of its record. */
export const METRICS = 'metrics.jsonl'
