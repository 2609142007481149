import { describe, expect, it } from "vitest";
import { proxyOf } from "../../../src/compose/proxy-of.ts";

const proxy = "http://proxy.example:3128";
const of = (origin: string, noProxy?: string, written = "environment") =>
  proxyOf(origin, written, { HTTPS_PROXY: proxy, ...(noProxy === undefined ? {} : { NO_PROXY: noProxy }) });

describe("the proxy of a backend", () => {
  it("is the environment's, in either spelling, and a scheme may be missing", () => {
    expect(of("https://a.example")).toBe(proxy);
    expect(proxyOf("https://a.example", "environment", { https_proxy: "proxy.example:3128" })).toBe(proxy);
    expect(proxyOf("https://a.example", "environment", { HTTP_PROXY: proxy })).toBeUndefined();
    expect(proxyOf("https://a.example", "environment", { HTTPS_PROXY: "" })).toBeUndefined();
  });

  it("is what is written, whatever the environment says", () => {
    expect(of("https://a.example", undefined, "none")).toBeUndefined();
    expect(of("https://localhost", "*", "http://other.example")).toBe("http://other.example");
  });

  it.each([
    ["*", "https://a.example"],
    ["a.example", "https://a.example"],
    ["a.example", "https://deep.a.example"],
    [".a.example", "https://deep.a.example"],
    ["*.a.example", "https://deep.a.example"],
    ["x, A.EXAMPLE", "https://a.example"],
    ["a.example:443", "https://a.example"],
    ["a.example:8443", "https://a.example:8443"],
    ["10.0.0.1", "https://10.0.0.1"],
    ["[2001:db8::1]", "https://[2001:db8::1]"],
  ])("is none where NO_PROXY holds %s for %s", (noProxy, origin) => {
    expect(of(origin, noProxy)).toBeUndefined();
  });

  it.each([
    [".a.example", "https://a.example"],
    ["a.example", "https://nota.example"],
    ["a.example:8443", "https://a.example"],
    ["0.0.1", "https://10.0.0.1"],
    ["", "https://a.example"],
  ])("is used where NO_PROXY holds %j for %s", (noProxy, origin) => {
    expect(of(origin, noProxy)).toBe(proxy);
  });

  it.each(["socks5://proxy.example:1080", "http://", "http://proxy.example:port", "::"])(
    "is refused where HTTPS_PROXY is no URL of an HTTP proxy: %s",
    (bad) => {
      const env = { HTTPS_PROXY: bad, NO_PROXY: "b.example" };
      expect(() => proxyOf("https://a.example", "environment", env)).toThrow(/HTTPS_PROXY/);
      for (const written of ["none", proxy])
        expect(() => proxyOf("https://a.example", written, env)).not.toThrow();
      expect(proxyOf("https://b.example", "environment", env)).toBeUndefined();
    },
  );

  it.each(["https://localhost:1", "https://127.0.0.1", "https://127.1.2.3", "https://[::1]:8443"])(
    "is never the environment's for the loopback: %s",
    (origin) => {
      expect(of(origin)).toBeUndefined();
    },
  );
});
