import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { DevPki } from "../dev/dev-pki.ts";

/**
 * Sends one completion through the whole of it, as the allowed client would.
 * @throws Error when the answer is not the expected one
 */
export async function selfCheck(pki: DevPki, port: number): Promise<string> {
  const { certificateFile, keyFile } = pki.clients.allowed;
  const [cert, key] = await Promise.all([readFile(certificateFile), readFile(keyFile)]);
  const request = httpsRequest({
    host: "localhost",
    port,
    path: "/openai/v1/chat/completions",
    method: "POST",
    headers: { "content-type": "application/json" },
    ca: pki.rootCaPem,
    cert,
    key,
    agent: false,
  });
  request.end(JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: "Say hello" }] }));
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  if (answer.statusCode !== 200) throw new Error(`self-check: HTTP ${answer.statusCode}: ${text}`);
  const { choices } = JSON.parse(text) as { choices: { message: { content: string } }[] };
  return choices[0]?.message.content ?? "";
}
