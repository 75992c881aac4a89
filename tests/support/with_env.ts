/**
 * Runs with these environment variables and none of AWS's others. Test files that run side by side share the environment
 * of their process, so it is this file's view of it that is changed.
 */
export async function withEnv<T>(
  variables: Readonly<Record<string, string>>,
  run: (env: Record<string, string>) => Promise<T>,
): Promise<T> {
  const { process } = globalThis as unknown as { process: { env: Record<string, string> } };
  const before = process.env;
  const others = Object.entries(Deno.env.toObject()).filter(([name]) => !name.startsWith("AWS_"));
  process.env = { ...Object.fromEntries(others), ...variables };
  try {
    return await run(process.env);
  } finally {
    process.env = before;
  }
}
