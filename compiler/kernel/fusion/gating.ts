/** The tile of the gating kernel. */

/** Rows of a workgroup, and of a block of the expert histogram. One invocation ranks each, so that a GPU has enough workgroups. */
export const GATE_ROWS = 8
/** Rows that a gating kernel may count at once. */
export const MAX_HISTOGRAM_ROWS = 64
/** Chosen experts of each row and partial sums: what the workgroup holds besides the scores. */
const MAX_CHOSEN = 64
const PARTIAL_SUM_BYTES = 512
export const GATE_RESERVED_BYTES = GATE_ROWS * 4 * MAX_CHOSEN + PARTIAL_SUM_BYTES
