/** Reads the vectors that real kombu made, with the values that JSON can't hold. */
export async function vectors<T>(name: string): Promise<T[]> {
  const text = await Deno.readTextFile(new URL(`../vectors/${name}.json`, import.meta.url));
  return JSON.parse(text, (_, value) => {
    if (value?.$date !== undefined) return new Date(value.$date);
    if (value?.$bytes) return Uint8Array.from(value.$bytes);
    if (value?.$bigint) return BigInt(value.$bigint);
    return value?.$number ? Number(value.$number) : value;
  }).vectors;
}
