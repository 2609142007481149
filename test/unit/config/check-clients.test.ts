import { describe, expect, it } from "vitest";
import { checkClients } from "../../../src/config/check-clients.ts";
import { formatPath } from "../../../src/config/problem.ts";

const hex = (digit: string) => digit.repeat(64);

/** The places of all problems, with what is wrong there. */
function problemsOf(config: object): string[] {
  const problems: string[] = [];
  checkClients({ path: [], value: config }, (path, message) => {
    problems.push(`${formatPath(path)}: ${message}`);
  });
  return problems;
}
const problemsOfClient = (client: object, others: object = {}) =>
  problemsOf({ clients: { robot: { deployments: ["gpt-4o"], ...client }, ...others } });
const rule = (match: object) => ({ match: [match], deployments: ["gpt-4o"] });

describe("clients", () => {
  it("are refused where they are recognised by nothing", () => {
    expect(problemsOfClient({})).toEqual([
      expect.stringMatching(/^clients\.robot: is recognised by nothing/),
    ]);
  });

  it("may have rules instead of thumbprints, and roles instead of deployments", () => {
    expect(problemsOf({ clients: { robot: { match: [{ sanDns: "a.example" }], roles: ["line"] } } })).toEqual(
      [],
    );
  });

  it("must be there, unless there is a registry", () => {
    expect(problemsOf({})).toEqual(["clients: is missing"]);
    expect(problemsOf({ registry: { file: "clients.sqlite" } })).toEqual([]);
  });

  it("hold a thumbprint once, with an end or without", () => {
    const twice = { thumbprints: [hex("a"), { thumbprint: hex("A"), until: "2026-01-01T00:00:00Z" }] };
    expect(problemsOfClient(twice)).toEqual([
      "clients.robot.thumbprints[1].thumbprint: stands twice on this client (also clients.robot.thumbprints[0])",
    ]);
  });

  it.each([
    [["*", "gpt-4o"], "clients.robot.deployments[0]"],
    [["gpt-4o", "*"], "clients.robot.deployments[1]"],
  ])("have no * beside names: %j", (deployments, place) => {
    expect(problemsOfClient({ thumbprints: [hex("a")], deployments })).toEqual([
      `${place}: "*" stands beside names`,
    ]);
  });

  it("may have * alone", () => {
    expect(problemsOfClient({ thumbprints: [hex("a")], deployments: ["*"] })).toEqual([]);
  });
});

describe("limits", () => {
  const window = { days: ["mon"], from: "06:00", to: "22:00", timeZone: "Europe/Berlin" };
  const limited = (limits: object) => problemsOfClient({ thumbprints: [hex("a")], ...limits });

  it("are taken in their forms", () => {
    expect(limited({ hours: [window], sourceNetworks: ["10.0.0.0/8", "2001:db8::/32"] })).toEqual([]);
  });

  it.each(["10.0.0.1/8", "10.0.0.0/33", "10.0.0", "::1::/64", "localhost"])(
    "are refused where %s is no network",
    (network) => {
      expect(limited({ sourceNetworks: [network] })).toEqual([
        expect.stringMatching(/^clients\.robot\.sourceNetworks\[0\]: is no network/),
      ]);
    },
  );

  it.each([
    ["from", "6:00"],
    ["from", "24:00"],
    ["to", "25:00"],
    ["to", "06:00"],
    ["timeZone", "Mars/Olympus"],
    ["timeZone", "+02:00"],
  ])("are refused where %s is %s", (key, value) => {
    expect(limited({ hours: [{ ...window, [key]: value }] })).toEqual([
      expect.stringMatching(`^clients\\.robot\\.hours\\[0\\]\\.${key}: `),
    ]);
  });

  it("are looked at in roles too", () => {
    const config = {
      clients: {},
      roles: { line: { sourceNetworks: ["x"], hours: [{ ...window, from: "x" }] } },
    };
    expect(problemsOf(config).map((problem) => problem.split(":")[0])).toEqual([
      "roles.line.sourceNetworks[0]",
      "roles.line.hours[0].from",
    ]);
  });
});

describe("match rules", () => {
  it.each([
    [{ sanDns: "press*.example" }, "sanDns"],
    [{ sanDns: "*.*.example" }, "sanDns"],
    [{ sanDns: "*" }, "sanDns"],
    [{ sanDns: "a.example." }, "sanDns"],
    [{ sanEmail: "robot" }, "sanEmail"],
    [{ sanEmail: "ro*@a.example" }, "sanEmail"],
    [{ sanUri: "spiffe://*/a" }, "sanUri"],
    [{ sanUri: "spiffe://a.example/p*" }, "sanUri"],
    [{ sanUri: "spiffe://a.example/*/*" }, "sanUri"],
    [{ sanUri: "no uri" }, "sanUri"],
    [{ sanIp: "10.0.0.0/8" }, "sanIp"],
    [{ spkiSha256: "b".repeat(40) }, "spkiSha256"],
    [{ subject: { organization: "*" } }, "subject.organization"],
    [{ subject: { commonName: "a\u0000b" } }, "subject.commonName"],
    [{ issuer: { subject: "Plant CA" } }, "issuer.subject"],
    [{ issuer: { subject: "CN=a+" } }, "issuer.subject"],
  ])("are refused where a value is no such thing: %j", (match, place) => {
    expect(problemsOfClient(rule(match))).toEqual([
      expect.stringMatching(new RegExp(`^clients\\.robot\\.match\\[0\\]\\.${place.replace(".", "\\.")}: `)),
    ]);
  });

  it.each([{}, { subject: {} }])("are refused where they name nothing: %j", (match) => {
    expect(problemsOfClient(rule(match))).toEqual([expect.stringMatching(/match\[0\]: it names nothing/)]);
  });

  it.each([
    ["identical", { sanDns: "a.example" }, { sanDns: "A.EXAMPLE" }],
    ["a case of the other", { sanDns: "a.example", sanUri: "x:y" }, { sanDns: "a.example" }],
    ["below the other's wildcard", { sanDns: "one.a.example" }, { sanDns: "*.a.example" }],
    ["below a path's wildcard", { sanUri: "spiffe://a/b/c" }, { sanUri: "spiffe://a/*/c" }],
  ])("are refused on two clients where one is %s", (_, narrow, wide) => {
    const problems = problemsOfClient(rule(narrow), { wide: rule(wide) });
    expect(problems).toContainEqual(
      "clients.robot.match[0]: matches no certificate that clients.wide.match[0] of another client does not match too",
    );
  });

  it.each([
    [{ sanDns: "a.example" }, { sanDns: "b.example" }],
    [{ sanDns: "a.example" }, { sanUri: "x:y" }],
    [{ sanDns: "a.example" }, { sanDns: "*.a.example" }],
    [
      { sanDns: "a.example", issuer: { subject: "CN=One" } },
      { sanDns: "a.example", issuer: { subject: "CN=Two" } },
    ],
  ])("are taken on two clients where they do not overlap for sure: %j and %j", (one, two) => {
    expect(problemsOfClient(rule(one), { two: rule(two) })).toEqual([]);
  });

  it("may overlap on one client", () => {
    expect(
      problemsOfClient({ match: [{ sanDns: "a.example" }, { sanDns: "a.example", sanUri: "x:y" }] }),
    ).toEqual([]);
  });
});
