/** Inputs of a plan that keeps something of earlier tokens, i32 [B] each. No input of a model has a space in its name. */

/** How many tokens of each sequence earlier runs were given. */
export const PAST_TOKENS = 'past tokens'

/** How many of the tokens of this run are those of the sequence; those behind them are replaced by the next run. */
export const NEW_TOKENS = 'new tokens'
