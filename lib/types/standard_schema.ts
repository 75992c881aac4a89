/**
 * A schema that checks a value and types it, as valibot, zod, arktype and others have it.
 *
 * @see {@link https://standardschema.dev}
 */
export interface StandardSchemaV1<Input = unknown, Output = Input> {
  /** What the schema can do. */
  readonly "~standard": StandardSchemaV1.Props<Input, Output>;
}

/** The parts of {@linkcode StandardSchemaV1}. */
export declare namespace StandardSchemaV1 {
  /** What a schema can do. */
  export interface Props<Input = unknown, Output = Input> {
    /** The version of the standard. */
    readonly version: 1;
    /** The schema's library. */
    readonly vendor: string;
    /** Checks a value. */
    readonly validate: (value: unknown) => Result<Output> | Promise<Result<Output>>;
    /** The types of what goes in and what comes out. */
    readonly types?: Types<Input, Output> | undefined;
  }
  /** The types of a schema. */
  export interface Types<Input = unknown, Output = Input> {
    /** What goes in. */
    readonly input: Input;
    /** What comes out. */
    readonly output: Output;
  }
  /** What a check gave. */
  export type Result<Output> = SuccessResult<Output> | FailureResult;
  /** The value fits. */
  export interface SuccessResult<Output> {
    /** What the schema made of it. */
    readonly value: Output;
    /** None. */
    readonly issues?: undefined;
  }
  /** The value does not fit. */
  export interface FailureResult {
    /** Why. */
    readonly issues: ReadonlyArray<Issue>;
  }
  /** One thing that is wrong with a value. */
  export interface Issue {
    /** What is wrong. */
    readonly message: string;
    /** Where in the value. */
    readonly path?: ReadonlyArray<PropertyKey | PathSegment> | undefined;
  }
  /** A step on the way to what is wrong. */
  export interface PathSegment {
    /** The key. */
    readonly key: PropertyKey;
  }
  /** The type of what a schema gives. */
  export type InferOutput<Schema extends StandardSchemaV1> = NonNullable<Schema["~standard"]["types"]>["output"];
}
