import type { Target } from "../model/target.ts";
import { allow, type Denied, type TraceStep, type Verdict } from "../model/verdict.ts";
import type { ClientEntry } from "../policy/client-map.ts";
import { type Circumstances, decide, decideRoute } from "../policy/decide.ts";
import { parseHead } from "../target/parse-head.ts";
import type { Surface } from "../target/surface.ts";
import { readRouteTarget } from "../target/route-target.ts";
import type { Presented } from "../identity/client-certificate.ts";
import { identifyCaller, type CallerFacts } from "./caller.ts";
import { resolveTarget } from "./handle-exchange.ts";
import { refuseUnownable } from "./ownership.ts";

/** A request that is only thought of. */
export interface ImaginedRequest {
  readonly method: string;
  /** Request target with its query. */
  readonly url: string;
  /** Flat raw pairs. */
  readonly headers: readonly string[];
  readonly body?: Uint8Array;
  /** Where it comes from; clients that are bound to networks are denied without. */
  readonly remoteAddress?: string;
}

const stageNames = ["caller", "target", "grant", "backend"] as const;
type StageName = (typeof stageNames)[number];

/** What one stage of the story found. */
export interface ExplainedStage {
  readonly stage: StageName;
  readonly outcome: "pass" | "fail" | "not reached";
  readonly trace: readonly TraceStep[];
}

export interface Explanation {
  readonly stages: readonly ExplainedStage[];
  /** Absent when the request would be forwarded, or answered by the gateway itself. */
  readonly denied?: Denied;
}

export interface ExplainFacts {
  readonly callers: CallerFacts;
  readonly surface: Surface;
  readonly routeOf: (
    url: string,
  ) => { readonly name: string; readonly prefix: string; readonly backend: string } | undefined;
  /** For a deployment of the configuration, the places where it lives, in the order in which they are tried. */
  readonly placesOf: (deployment: string) => readonly { readonly backend: string; readonly name: string }[];
}

/** The story of `handle-exchange.ts` with the same stages, stage by stage, and nothing sent. */
export function explain(presented: Presented, request: ImaginedRequest, facts: ExplainFacts): Explanation {
  const stages: ExplainedStage[] = [];
  const tell: Tell = (stage, verdict) => {
    stages.push({ stage, outcome: verdict.allowed ? "pass" : "fail", trace: verdict.trace });
    return verdict;
  };
  const end = (denied: Denied): Explanation => ({
    denied,
    stages: [
      ...stages,
      ...stageNames
        .filter((name) => !stages.some(({ stage }) => stage === name))
        .map((stage) => ({ stage, outcome: "not reached" as const, trace: [] })),
    ],
  });

  const caller = tell("caller", identifyCaller(presented, facts.callers));
  if (!caller.allowed) return end(caller);

  const circumstances = { at: facts.callers.clock.now(), remoteAddress: request.remoteAddress };
  const route = facts.routeOf(request.url);
  const destination =
    route === undefined
      ? explainInference(caller.value.entry, request, circumstances, facts, tell)
      : explainRoute(caller.value.entry, request, circumstances, route, tell);
  if (!destination.allowed) return end(destination);
  tell(
    "backend",
    allow(destination.value, [{ check: "backend", outcome: "info", detail: destination.value }]),
  );
  return { stages };
}

type Tell = <T>(stage: StageName, verdict: Verdict<T>) => Verdict<T>;

function explainInference(
  entry: ClientEntry,
  request: ImaginedRequest,
  circumstances: Circumstances,
  facts: ExplainFacts,
  tell: Tell,
): Verdict<string> {
  const target = tell("target", targetOfRequest(request, facts.surface));
  if (!target.allowed) return target;
  const grant = tell("grant", decide(entry, target.value, circumstances));
  if (!grant.allowed) return grant;
  const unownable = refuseUnownable(target.value);
  if (unownable !== undefined) return tell("backend", unownable);
  const { deployment } = grant.value;
  const { operation, objects } = target.value;
  if (operation === "models" || operation === "models-get") return allow("the gateway answers itself");
  const condition = objects.length === 0 ? "" : ", if all that it names is this client's (not looked up)";
  if (deployment !== undefined)
    return allow(`forwarded to backend ${candidates(facts.placesOf(deployment), deployment)}${condition}`);
  return allow(
    objects.length === 0
      ? "forwarded to the backend of new objects"
      : `forwarded to where the objects lie${condition}`,
  );
}

/** `reserved (as gpt-4o-ptu), else sweden`: those of one group in no order of their own. */
const candidates = (places: ReturnType<ExplainFacts["placesOf"]>, deployment: string): string =>
  places.length === 0
    ? "(none)"
    : places
        .map(({ backend, name }) => (name === deployment ? backend : `${backend} (as ${name})`))
        .join(", else ");

function explainRoute(
  entry: ClientEntry,
  request: ImaginedRequest,
  circumstances: Circumstances,
  route: { readonly name: string; readonly prefix: string; readonly backend: string },
  tell: Tell,
): Verdict<string> {
  const grant = tell("grant", decideRoute(entry, route.name, circumstances));
  if (!grant.allowed) return grant;
  const target = tell("target", readRouteTarget(request.url, route.prefix));
  if (!target.allowed) return target;
  return allow(`passed through to backend ${route.backend} as ${target.value.path}`);
}

function targetOfRequest(request: ImaginedRequest, surface: Surface): Verdict<Target> {
  const head = parseHead(request, surface);
  if (!head.allowed) return head;
  const resolved = resolveTarget(
    head.value,
    head.value.body === "none" ? undefined : (request.body ?? new Uint8Array()),
  );
  return { ...resolved, trace: [...head.trace, ...resolved.trace] };
}
