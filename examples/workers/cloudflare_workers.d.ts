/**
 * What the examples use of `cloudflare:workers`, for the type check of this repository. workerd brings the module, and
 * `wrangler types` its types: a project of your own needs no file like this.
 *
 * @module
 */

/** What a Durable Object is told of itself. */
export interface DurableObjectState {
  readonly storage: {
    get<T>(key: string): Promise<T | undefined>;
    put(key: string, value: unknown): Promise<void>;
    setAlarm(at: number): Promise<void>;
    deleteAlarm(): Promise<void>;
  };
}

/** What a Durable Object's class extends. */
export abstract class DurableObject<Env> {
  protected readonly ctx: DurableObjectState;
  protected readonly env: Env;
  constructor(ctx: DurableObjectState, env: Env);
  fetch?(request: Request): Response | Promise<Response>;
  alarm?(): void | Promise<void>;
}
