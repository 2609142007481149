import type { IncomingMessage } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import {
  type Connection,
  type Expectation,
  Expectations,
  type Judged,
  type Sent,
} from "./steady-load-expectations.ts";

/** One who asks at a constant rate. */
export interface SteadyCaller {
  readonly name: string;
  readonly client: { readonly chainPem: string; readonly keyPem: string };
  readonly perSecond: number;
  /** Asks for an event stream. */
  readonly streamed?: boolean;
  /** A connection for each request, with a handshake of its own. Default: connections are kept. */
  readonly fresh?: boolean;
  readonly expect: Expectation;
}

export interface SteadyLoadOptions {
  readonly port: number;
  /** PEM of whatever may have signed the server's certificate. */
  readonly ca: string;
  readonly callers: readonly SteadyCaller[];
  readonly model?: string;
  /** What broke off and should not have is asked once more, on a connection of its own; it counts as failed all the same. */
  readonly asksAgain?: boolean;
}

/** A request whose connection broke, so that it had neither the answer nor the refusal that it should have had. */
export interface Broken extends Connection {
  readonly judged: Judged;
  /** What became of it when it was asked again. */
  readonly again?: Judged;
}

/** What became of a load. Times in milliseconds. */
export interface LoadReport {
  readonly seconds: number;
  readonly requests: number;
  /** Answered as they should have been. */
  readonly answered: number;
  /** Refused as they should have been. */
  readonly refused: number;
  readonly wronglyFailed: number;
  readonly wronglyPassed: number;
  /** Refused, but not for the reason that was expected. */
  readonly wronglyRefused: number;
  /** Streams that began and were broken off, whether or not they should have been. */
  readonly cutStreams: number;
  /** At most the first thousand. They count as wrong all the same. */
  readonly broken: readonly Broken[];
  /** The longest time without one good answer. */
  readonly longestGap: number;
  /** Of whole answers that were not streamed. */
  readonly slowest: number;
  /** How late the latest request left, and how many left more than a tenth of a second late, or not at all. */
  readonly latest: number;
  readonly late: number;
  /** The first of those that went wrong, as sentences. */
  readonly examples: readonly string[];
}

export interface SteadyLoad {
  /**
   * Changes what is expected of callers by doing something. While it is done either outcome is right; afterwards those
   * who may pass must at once, and those who may not must have ended within a second.
   */
  change<T>(expected: Readonly<Record<string, Expectation>>, act: () => Promise<T>): Promise<T>;
  /** Resolves when so many more requests have ended. */
  ended(count: number): Promise<void>;
  report(): LoadReport;
  /** Sends no more, and resolves when the last answer is there. */
  stop(): Promise<LoadReport>;
}

const lateMs = 100;
/** What could not leave for so long is left out: a machine that is too slow for the rate gets a lower one. */
const latestMs = 1000;
/** Of one caller at the same time, as its pool of connections would have it. */
const mostUnderWay = 8;
const patienceMs = 15_000;
/** The longest that an allowed exchange may outlive its permission. */
const cutWithinMs = 1000;

/**
 * An open load, but for callers with eight requests under way: each request leaves when it is due, and nothing is tried
 * again. Each outcome is judged by what was expected of its caller while it was under way. What delays the load is told.
 */
export function startSteadyLoad(options: SteadyLoadOptions): SteadyLoad {
  const { port, ca, callers, model = "gpt-test", asksAgain = false } = options;
  const expectations = new Map(callers.map(({ name, expect }) => [name, new Expectations(expect)]));
  const expectationsOf = (name: string): Expectations => {
    const found = expectations.get(name);
    if (found === undefined) throw new Error(`no caller ${name}`);
    return found;
  };
  const counts: Record<Judged, number> = {
    answered: 0,
    refused: 0,
    wronglyFailed: 0,
    wronglyPassed: 0,
    wronglyRefused: 0,
  };
  const examples: string[] = [];
  const broken: Broken[] = [];
  const began = performance.now();
  const under = new Set<Promise<void>>();
  let waiting: { readonly at: number; readonly resolve: () => void }[] = [];
  let [requests, ended, cutStreams, slowest, latest, late, longestGap] = [0, 0, 0, 0, 0, 0, 0];
  let lastGood: number | undefined;

  const judge = (caller: SteadyCaller, sent: Sent): Judged => {
    ended += 1;
    const judged = expectationsOf(caller.name).judge(sent);
    counts[judged] += 1;
    if (sent.status === 200 && sent.fault !== undefined && caller.streamed === true) cutStreams += 1;
    if (judged.startsWith("wrongly") && examples.length < 20)
      examples.push(
        `${judged}: ${caller.name} ${sent.status} ${sent.reason ?? ""} ${sent.fault ?? ""} after ${Math.round(sent.endedAt - sent.sentAt)} ms, ${Math.round(sent.sentAt - began)} ms after the begin`,
      );
    if (judged === "answered") {
      if (lastGood !== undefined) longestGap = Math.max(longestGap, sent.endedAt - lastGood);
      lastGood = sent.endedAt;
      if (caller.streamed !== true) slowest = Math.max(slowest, sent.endedAt - sent.sentAt);
    }
    for (const one of waiting) if (ended >= one.at) one.resolve();
    waiting = waiting.filter(({ at }) => ended < at);
    return judged;
  };
  const noteBroken = async (one: Broken, caller: SteadyCaller, ping: Ping) => {
    if (broken.length >= 1000) return;
    if (!asksAgain) return void broken.push(one);
    const again = await send(agentOf(caller, ca, false), ping);
    broken.push({ ...one, again: expectationsOf(caller.name).judge(again) });
  };

  const lines = callers.map((caller, index) => ({
    caller,
    agent: agentOf(caller, ca, caller.fresh !== true),
    underWay: 0,
    // Not all in the same moment.
    due: began + (1000 / caller.perSecond) * ((index * 0.618) % 1),
  }));
  const ask = async (line: (typeof lines)[number]): Promise<void> => {
    const ping = { port, model, text: `n${requests}n`, streamed: line.caller.streamed === true };
    const sent = await send(line.agent, ping);
    const judged = judge(line.caller, sent);
    if (judged.startsWith("wrongly") && sent.fault !== undefined && sent.connection !== undefined)
      await noteBroken({ ...sent.connection, judged }, line.caller, ping);
  };
  const timer = setInterval(() => {
    const now = performance.now();
    for (const line of lines)
      for (; line.due <= now; line.due += 1000 / line.caller.perSecond) {
        if (line.underWay >= mostUnderWay) {
          if (now - line.due < latestMs) break;
          late += 1;
          continue;
        }
        requests += 1;
        latest = Math.max(latest, now - line.due);
        if (now - line.due > lateMs) late += 1;
        line.underWay += 1;
        const one = ask(line).finally(() => {
          line.underWay -= 1;
          under.delete(one);
        });
        under.add(one);
      }
  }, 4);

  const report = (): LoadReport => ({
    ...counts,
    seconds: (performance.now() - began) / 1000,
    requests,
    cutStreams,
    slowest,
    latest,
    late,
    examples,
    broken,
    // The time since the last good answer is a gap too.
    longestGap: Math.max(longestGap, performance.now() - (lastGood ?? began)),
  });
  return {
    async change(expected, act) {
      const changing = Object.entries(expected).map(([name, expectation]) => ({
        expectation,
        of: expectationsOf(name),
      }));
      for (const { of, expectation } of changing) of.begin(expectation);
      const result = await act();
      const now = performance.now();
      for (const { of, expectation } of changing)
        of.settle(expectation, expectation === "answered" ? now : now + cutWithinMs);
      return result;
    },
    ended(count) {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push({ at: ended + count, resolve });
      return promise;
    },
    report,
    async stop() {
      clearInterval(timer);
      const atEnd = report();
      await Promise.all(under);
      for (const { agent } of lines) agent.destroy();
      return { ...report(), seconds: atEnd.seconds, longestGap: atEnd.longestGap };
    },
  };
}

const agentOf = (caller: SteadyCaller, ca: string, keepAlive: boolean): Agent =>
  new Agent({
    keepAlive,
    // Every kept connection is used in turn, not the last one again and again.
    scheduling: "fifo",
    maxSockets: mostUnderWay,
    maxCachedSessions: 0,
    ca,
    cert: caller.client.chainPem,
    key: caller.client.keyPem,
  });

const connections = new WeakMap<Socket, Connection>();

interface Ping {
  readonly port: number;
  readonly model: string;
  /** Found again in its own answer and in no other. */
  readonly text: string;
  readonly streamed: boolean;
}

/** Never rejects: whatever went wrong is in what it resolves with. */
async function send(agent: Agent, { port, model, text, streamed }: Ping): Promise<Sent> {
  const body = JSON.stringify({ model, messages: [{ role: "user", content: text }], stream: streamed });
  const sentAt = performance.now();
  const head = Promise.withResolvers<IncomingMessage>();
  const request = httpsRequest(
    {
      host: "127.0.0.1",
      servername: "localhost",
      port,
      agent,
      method: "POST",
      path: "/openai/v1/chat/completions",
      headers: { "content-type": "application/json", "content-length": body.length },
      signal: AbortSignal.timeout(patienceMs),
    },
    head.resolve,
  );
  let connection: Connection | undefined;
  request.once("socket", (socket) => {
    connection = connections.get(socket) ?? { openedAt: performance.now() };
    connections.set(socket, connection);
  });
  request.once("error", head.reject);
  request.end(body);
  let status = 0;
  const sent = () => ({
    sentAt,
    endedAt: performance.now(),
    status,
    ...(connection === undefined ? {} : { connection }),
  });
  try {
    const answer = await head.promise;
    status = answer.statusCode ?? 0;
    const reason = answer.headers["x-certgate-reason"];
    const requestId = answer.headers["x-certgate-request-id"];
    if (connection !== undefined && typeof requestId === "string") connection.requestId = requestId;
    let whole = "";
    for await (const chunk of answer.setEncoding("utf8")) whole += chunk;
    // An answer of 200 is good only when it is complete and this request's own.
    const isWhole = whole.includes(text) && (!streamed || /data: \[DONE\]\s*$/.test(whole));
    return {
      ...sent(),
      ...(typeof reason === "string" ? { reason } : {}),
      ...(status === 200 && !isWhole
        ? { fault: `not its answer, or not whole: ${whole.slice(0, 200)}` }
        : {}),
    };
  } catch (fault) {
    const { code = "", message } = fault as Error & { code?: string };
    return { ...sent(), reason: code, fault: message };
  }
}
