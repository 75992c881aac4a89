/**
 * Reads a body as text, and no more of it than is wanted. (By its reader: Safari's streams can't be iterated.)
 *
 * @param response The answer.
 * @param most Characters.
 * @returns The text, or undefined where it has more.
 */
export async function readText({ body }: Response, most: number): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let text = "";
  if (!body) return text;
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    text += decoder.decode(value, { stream: !done });
    if (done) return text;
    if (text.length > most) {
      await reader.cancel();
      return undefined;
    }
  }
}
