/** A file as pieces, one after the other. */
export type Pieces = Iterable<Uint8Array> | AsyncIterable<Uint8Array>
