/** A stream transform: an async iterable in, an async iterable out, nothing started before the first `next()`. */
export type Transform<A, B> = (source: AsyncIterable<A>) => AsyncIterable<B>;
