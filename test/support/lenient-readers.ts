import { once } from "node:events";
import { createServer, type IncomingMessage, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import express, { type Request } from "express";
import { firstKeyWins } from "./first-key-wins.ts";

/** A request as a backend got it. */
export interface Arrived {
  readonly method: string;
  /** The raw request target. */
  readonly url: string;
  /** Flat pairs. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

/** By reader, every deployment that it would take the request for. */
export type Readings = Readonly<Record<string, readonly string[]>>;

const speaksOfDeployment = (name: string): boolean => /model|deployment|engine/i.test(name);
/** What the caller may fill as it likes, in the services' documents. */
const callersOwn: ReadonlySet<string> = new Set(["metadata", "parameters", "schema"]);

/** Every string under a key that speaks of a deployment, however deep and in whichever case. */
export function curious(value: unknown, inside = false): string[] {
  if (typeof value === "string") return inside && value !== "" ? [value] : [];
  if (typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((one) => curious(one, inside));
  return Object.entries(value).flatMap(([name, one]) =>
    callersOwn.has(name) ? [] : curious(one, speaksOfDeployment(name)),
  );
}

/** The laxest receiver of a form: any line end, padding, case and quoting; every part that some receiver could find. */
export function laxFormModels(bytes: Buffer, boundary: string): string[] {
  const text = bytes.toString("latin1").replaceAll(/\r\n?/g, "\n");
  return text
    .split(new RegExp(`(?:^|\\n)--${RegExp.escape(boundary)}[^\\n]*(?:\\n|$)`))
    .map((piece) => /^([\s\S]*?)\n\n([\s\S]*)$/.exec(piece))
    .filter((match) => match !== null)
    .filter(([, headers = ""]) =>
      /name\*?\s*=\s*(?:utf-8'')?"?model(?:\[[^\]]*\])?"?\s*(?:;|\n|$)/i.test(headers),
    )
    .map(([, , value = ""]) => value);
}

/** Decodes until nothing changes. */
function decoded(text: string): string {
  let last = text;
  for (let round = 0; round < 4; round += 1)
    try {
      last = decodeURIComponent(last);
    } catch {
      break;
    }
  return last;
}

function urlReading({ url }: Arrived): string[] {
  const { pathname, searchParams } = new URL(url, "https://backend.example");
  const inPath = /^\/openai\/deployments\/([^/]+)\//i.exec(decoded(pathname))?.[1];
  const inQuery = [...searchParams].filter(([name]) => speaksOfDeployment(name)).map(([, value]) => value);
  return [...(inPath === undefined ? [] : [inPath]), ...inQuery];
}

const typeOf = ({ rawHeaders }: Arrived): string =>
  rawHeaders.find((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === "content-type") ?? "";

const headerReading = ({ rawHeaders }: Arrived): string[] =>
  rawHeaders.filter((_, at) => at % 2 === 1 && speaksOfDeployment(rawHeaders[at - 1] ?? ""));

const modelOf = (body: unknown): string[] =>
  typeof body === "object" && body !== null && "model" in body ? [String(body.model)] : [];

/** What Node makes of a form; nothing where it refuses it. */
async function nodeFormModels(body: Buffer, type: string): Promise<string[]> {
  try {
    // oxlint-disable-next-line typescript/no-deprecated -- the point is what a naive receiver makes of it
    const form = await new Response(body, { headers: { "content-type": type } }).formData();
    return [...form]
      .filter(([name]) => speaksOfDeployment(name))
      .map(([, value]) => (typeof value === "string" ? value : `a file called ${value.name}`));
  } catch {
    return [];
  }
}

async function bodyReadings(arrived: Arrived): Promise<Readings> {
  const { body } = arrived;
  const type = typeOf(arrived);
  const boundary = /boundary="?([^";]+)/i.exec(type)?.[1];
  if (body.length === 0) return {};
  if (boundary !== undefined)
    return {
      laxForm: laxFormModels(body, boundary),
      nodeForm: await nodeFormModels(body, type),
    };
  const text = body.toString("utf8");
  const last: unknown = JSON.parse(text);
  return { lastKeyWins: modelOf(last), firstKeyWins: modelOf(firstKeyWins(text)), curious: curious(last) };
}

/** Readers that know nothing of the gateway and forgive what they can; a real Express server among them. */
export interface LenientReaders {
  read(arrived: Arrived): Promise<Readings>;
  stop(): Promise<void>;
}

export async function startLenientReaders(): Promise<LenientReaders> {
  const app = express();
  app.set("query parser", "extended");
  app.use(express.json({ type: "application/json", limit: "64mb" }));
  const seen = (request: Request): string[] => [
    ...(typeof request.params["deployment"] === "string" ? [request.params["deployment"]] : []),
    ...curious(request.query),
    ...modelOf(request.body),
  ];
  for (const path of ["/openai/deployments/:deployment/*rest", "/*rest"])
    app.all(path, (request, response) => void response.json(seen(request)));
  const server = createServer(app);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;

  async function expressReading(arrived: Arrived): Promise<string[]> {
    const { method, url: path, body } = arrived;
    const headers = { "content-type": typeOf(arrived), "content-length": body.length };
    const asked = httpRequest({ host: "127.0.0.1", port, method, path, headers });
    asked.end(body);
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    const text = Buffer.concat((await answer.toArray()) as Buffer[]).toString("utf8");
    if (answer.statusCode !== 200) throw new Error(`Express refused what was forwarded: ${text}`);
    return JSON.parse(text) as string[];
  }

  return {
    async read(arrived) {
      return {
        url: urlReading(arrived),
        headers: headerReading(arrived),
        express: await expressReading(arrived),
        ...(await bodyReadings(arrived)),
      };
    },
    async stop() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
