import { describe, expect, it } from "vitest";
import { checkFiles, configuredFiles, resolveFiles } from "../../../src/config/files.ts";

describe("the files of a configuration", () => {
  it("are resolved wherever they are named, from the configuration's folder", () => {
    const config = {
      trust: { anchors: [{ file: "root.pem" }], revocation: { crls: [{ url: "http://crl" }] } },
      credentials: { app: { secret: { file: "app.secret" } }, web: { tokenFile: "token" } },
      backends: { main: { caFile: "/etc/ca.pem", tls: { clientCertificate: { keyFile: "key.pem" } } } },
    };
    resolveFiles(config, "/srv/certgate/certgate.yaml");
    expect(configuredFiles(config)).toEqual({
      once: ["/etc/ca.pem", "/srv/certgate/key.pem"],
      again: ["/srv/certgate/root.pem", "/srv/certgate/app.secret", "/srv/certgate/token"],
    });
  });

  it("are no names that happen to be called so", async () => {
    const config = { clients: { file: { deployments: ["file"] } }, ownership: { file: "made-later.sqlite" } };
    resolveFiles(config, "/srv/certgate.yaml");
    expect(configuredFiles(config)).toEqual({ once: [], again: [] });
    const problems: string[] = [];
    await checkFiles(config, (_, message) => problems.push(message));
    expect(problems).toEqual([]);
  });

  it("are told of at their place when they are not there", async () => {
    const places: string[] = [];
    const config = { ownership: { redis: { passwordFile: "/nowhere/secret" } } };
    await checkFiles(config, (path) => places.push(path.join(".")));
    expect(places).toEqual(["ownership.redis.passwordFile"]);
  });
});
