import type { Clock, CredentialContext, Credentials, DashiEvent, Fetch } from "@dashi/sqs";

/** A clock that only moves when it is told to. */
export interface FakeClock extends Clock {
  time: number;
  sleeping: number;
  advance(seconds: number): Promise<void>;
}

export function fakeClock(): FakeClock {
  const sleepers = new Set<{ readonly at: number; readonly wake: () => void }>();
  return {
    time: Date.UTC(2026, 0, 1),
    get sleeping() {
      return sleepers.size;
    },
    now() {
      return this.time;
    },
    sleep(seconds, signal) {
      return new Promise<void>((resolve) => {
        const sleeper = {
          at: this.time + seconds * 1000,
          wake: () => {
            sleepers.delete(sleeper);
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal?.addEventListener("abort", sleeper.wake, { once: true });
      });
    },
    async advance(seconds) {
      this.time += seconds * 1000;
      for (const sleeper of sleepers) if (sleeper.at <= this.time) sleeper.wake();
      await settle();
    },
  };
}

/** Lets everything run that needs no clock. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}

/** What a broker tells a provider, with the events that it hears. */
export function fakeContext(
  fetch: (request: Request) => Response | Promise<Response>,
  more: Partial<CredentialContext> = {},
): CredentialContext & { readonly clock: FakeClock; readonly events: DashiEvent[] } {
  const events: DashiEvent[] = [];
  return {
    region: "eu-west-1",
    fetch: (async (request: Request) => await fetch(request)) as Fetch,
    random: () => 0,
    emit: (event) => void events.push(event),
    ...more,
    clock: (more.clock ?? fakeClock()) as FakeClock,
    events,
  };
}

/** STS's answer to the two actions that assume roles. */
export function assumed(action: string, id: string, expiration: Date | string): Response {
  const at = typeof expiration === "string" ? expiration : expiration.toISOString();
  return new Response(
    `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result><Credentials>
    <AccessKeyId>${id}</AccessKeyId><SecretAccessKey>secret/of+${id}</SecretAccessKey>
    <SessionToken>token-of-${id}-0123456789</SessionToken><Expiration>${at}</Expiration></Credentials>
    <AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/orders/dashi</Arn></AssumedRoleUser>
    </${action}Result></${action}Response>`,
  );
}

/** STS's answer to what it refuses. */
export function refused(code: string, message: string, status = 403): Response {
  return new Response(
    `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
    { status },
  );
}

export const ROLE = "arn:aws:iam::123456789012:role/orders";
export const KEYS: Credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "an-example-of-a-secret-key" };
