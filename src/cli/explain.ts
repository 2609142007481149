import { readFile } from "node:fs/promises";
import { loadDecision } from "../compose.ts";
import { CallerDecision, ConnectionCaller } from "../gateway/caller.ts";
import { explain as explainExchange } from "../gateway/explain.ts";
import { systemClock } from "../kernel/clock.ts";
import { describeFault } from "../kernel/errors.ts";
import { decodePemOrDer } from "../pki/pem.ts";
import { exitCodes, UsageError, type Command } from "./command.ts";
import { readConfigOrComplain } from "./config-file.ts";
import { formatExplanation } from "./explain-report.ts";
import { readWords, required } from "./read-words.ts";

export const explain: Command = {
  name: "explain",
  summary: "shows the decision about a certificate and a request, stage by stage",
  help: `certgate explain --config FILE --cert PEM [--method M] [--path P] [--body FILE]
                 [--from ADDRESS]

  --config FILE   the configuration; trust anchors, CRLs and OCSP answers are
                  fetched as serve would
  --cert PEM      what the client presents: its certificate, then any intermediates
  --method M      default POST with --body, else GET
  --path P        request target with its query, default /openai/v1/models
  --body FILE     the JSON body
  --from ADDRESS  where the request comes from; without it, a client that is bound
                  to networks is denied

Makes the decision that serve would make, with its trace, and forwards nothing. The
TLS library's second opinion needs a handshake and is left out.

Exit code: 0 allowed, 3 denied, 1 the configuration has a problem, 2 wrong usage.
`,
  async run(words) {
    const values = readWords(words, ["config", "cert", "method", "path", "body", "from"]);
    const file = required(values, "config");
    const [leaf, ...others] = await readCertificates(required(values, "cert"));
    const body = values.body === undefined ? undefined : await readOrRefuse(values.body, "body");
    const config = await readConfigOrComplain(file);
    if (config === undefined) return exitCodes.failed;

    const decision = await loadDecision(config, systemClock);
    try {
      for (const { name, lastError } of decision.problems)
        process.stderr.write(`warning: ${name} is not loaded: ${describeFault(lastError)}\n`);
      const presented = {
        chain: leaf === undefined ? undefined : { leaf, others },
        tls: "not-asked" as const,
      };
      // Some revocation data is fetched only when a decision lacks it.
      const { callers } = decision.explainFacts;
      await new ConnectionCaller(new CallerDecision(presented, callers)).identifyOrFetch();
      const explanation = explainExchange(
        presented,
        {
          method: values.method ?? (body === undefined ? "GET" : "POST"),
          url: values.path ?? "/openai/v1/models",
          headers: body === undefined ? [] : ["content-type", "application/json"],
          ...(body === undefined ? {} : { body }),
          ...(values.from === undefined ? {} : { remoteAddress: values.from }),
        },
        decision.explainFacts,
      );
      process.stdout.write(formatExplanation(explanation));
      return explanation.denied === undefined ? exitCodes.ok : exitCodes.denied;
    } finally {
      decision.stop();
    }
  },
};

async function readCertificates(file: string): Promise<Uint8Array[]> {
  const bytes = await readOrRefuse(file, "cert");
  try {
    return decodePemOrDer(bytes, "CERTIFICATE");
  } catch (fault) {
    throw new UsageError(`--cert ${file}: ${(fault as Error).message}.`);
  }
}

async function readOrRefuse(file: string, option: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (fault) {
    throw new UsageError(`--${option} ${file}: ${(fault as Error).message}.`);
  }
}
