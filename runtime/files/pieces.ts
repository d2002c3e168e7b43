/** The contents of a file as consecutive pieces. */
export type Pieces = Iterable<Uint8Array> | AsyncIterable<Uint8Array>
