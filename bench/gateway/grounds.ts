import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startLocalAzure } from "../../src/dev/azure/local-azure.ts";
import { type Authority, createAuthority, createKeyPair } from "../../src/dev/pki/authority.ts";
import { toPem } from "../../src/dev/pki/pem.ts";
import { makeLargeCrl } from "../large-crl.ts";

/** Everything that the measured programs share: a PKI, CRLs, request bodies, a token endpoint. */
export interface Grounds {
  readonly folder: string;
  /** Leaf with intermediate, and key: files. */
  readonly clients: readonly {
    readonly name: string;
    readonly cert: string;
    readonly key: string;
    readonly thumbprint: string;
  }[];
  /** `AZURE_POD_IDENTITY_AUTHORITY_HOST` for the gateway. */
  readonly managedIdentity: string;
  /** A file with the CRLs of both CAs, the intermediate's with so many entries. */
  crls(entries: number, number?: number): Promise<string>;
  stop(): Promise<void>;
}

/** Clients with a certificate of their own; they share one key, which nobody here can tell. */
const clientCount = 64;

export async function prepareGrounds(): Promise<Grounds> {
  const folder = await mkdtemp(join(tmpdir(), "certgate-bench-"));
  const put = (name: string, content: string | Uint8Array) =>
    writeFile(join(folder, name), content, { mode: 0o644 });
  await Promise.all(["bulk", "caddy"].map((name) => mkdir(join(folder, name))));
  const root = await createAuthority({ subject: "CN=Bench Root" });
  const intermediate = await createAuthority({ subject: "CN=Bench Intermediate", issuer: root });
  const server = await intermediate.issue({
    subject: "CN=localhost",
    extendedKeyUsage: ["serverAuth"],
    subjectAltNames: [
      { type: "dns", value: "localhost" },
      { type: "ip", value: "127.0.0.1" },
    ],
  });
  await put("root.pem", root.pem);
  await put("server.pem", server.chainPem);
  await put("server.key", server.keyPem);
  await put("server-with-key.pem", `${server.chainPem}\n${server.keyPem}`);
  const keyPair = await createKeyPair();
  const clients = [];
  for (let number = 1; number <= clientCount; number += 1) {
    const name = `device-${number}`;
    const issued = await intermediate.issue({ subject: `CN=${name}`, keyPair });
    const [cert, key] = [join(folder, `${name}.pem`), join(folder, "client.key")];
    await put(`${name}.pem`, issued.chainPem);
    if (number === 1) await put("client.key", issued.keyPem);
    clients.push({ name, cert, key, thumbprint: issued.thumbprint });
  }
  await put("question.json", question(2048));
  await put("answer.json", answerOf(1024));
  await put("bulk.json", answerOf(10 * 2 ** 20));
  await put(
    "uploaded.json",
    '{"id":"file-bench0000000000000001","object":"file","bytes":10485760,"created_at":1700000000,"filename":"bench.jsonl","purpose":"assistants"}',
  );
  await put("bulk-question.json", question(10 * 2 ** 20));
  await put("upload.form", form(10 * 2 ** 20));
  const azure = await startLocalAzure({
    tls: { cert: server.chainPem, key: server.keyPem },
    deployments: {},
  });
  return {
    folder,
    clients,
    managedIdentity: azure.managedIdentity.url,
    async crls(entries, number = 1) {
      const file = join(folder, `crls-${entries}-${number}.pem`);
      const exists = await readFile(file).then(
        () => true,
        () => false,
      );
      if (!exists) await writeFile(file, await crlsOf(root, intermediate, entries, number));
      return file;
    },
    async stop() {
      await azure.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function crlsOf(
  root: Authority,
  intermediate: Authority,
  entries: number,
  number: number,
): Promise<string> {
  const { der } = await makeLargeCrl(intermediate, entries, number);
  return `${(await root.crl()).pem}\n${toPem("X509 CRL", Buffer.from(der))}`;
}

/** A chat request of so many bytes. */
function question(bytes: number): string {
  const around = (text: string) =>
    JSON.stringify({
      messages: [
        { role: "system", content: "You are a terse assistant on a factory floor." },
        { role: "user", content: text },
      ],
      temperature: 0.2,
      max_tokens: 256,
    });
  return around(words(bytes - around("").length));
}

/** A chat answer of so many bytes. */
function answerOf(bytes: number): string {
  const around = (text: string) =>
    JSON.stringify({
      id: "chatcmpl-bench",
      object: "chat.completion",
      created: 1_700_000_000,
      model: "gpt-4o",
      choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: text } }],
      usage: { prompt_tokens: 400, completion_tokens: 180, total_tokens: 580 },
    });
  return around(words(bytes - around("").length));
}

export const boundary = "bench-0123456789abcdef";

function form(bytes: number): string {
  const before = `--${boundary}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nassistants\r\n--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="bench.jsonl"\r\nContent-Type: application/octet-stream\r\n\r\n`;
  return `${before}${words(bytes)}\r\n--${boundary}--\r\n`;
}

const words = (bytes: number): string =>
  "The spindle hums at 40 Hz, bearing temperature 61 C. ".repeat(Math.ceil(bytes / 53)).slice(0, bytes);
