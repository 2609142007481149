import { describe, expect, it } from "vitest";
import {
  guardedLookup,
  isPublicAddress,
  refuseInsideAddress,
} from "../../../../src/trust/adapters/guarded-lookup.ts";

const look = (hostname: string, all: boolean) =>
  new Promise<unknown>((resolve) => {
    guardedLookup(hostname, { all }, (error, address) => resolve(error ?? address));
  });

describe("isPublicAddress", () => {
  it.each([
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "fe80::1",
    "fe80::1%lo",
    "fec0::1",
    "fd00:ec2::254",
    "ff02::1",
    "2002:7f00:1::",
    "2001:0:4136:e378::1",
    "not an address",
    "",
  ])("says no to %s", (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it.each(["8.8.8.8", "1.1.1.1", "172.32.0.1", "168.63.129.17", "2606:4700::1111", "2001:4860:4860::8888"])(
    "says yes to %s",
    (address) => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );
});

describe("guardedLookup", () => {
  it.each([true, false])("hands out no loopback address for a name (all: %s)", async (all) => {
    expect(await look("localhost", all)).toMatchObject({
      message: expect.stringContaining("inside network"),
    });
  });

  it("reports a name that cannot be resolved as it is", async () => {
    expect(await look("nobody.invalid", true)).toMatchObject({ syscall: "getaddrinfo" });
  });
});

describe("refuseInsideAddress", () => {
  it.each([
    "http://127.0.0.1/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://[::1]/",
    "http://[fe80::1]/",
  ])("refuses %s, which nobody looks up", (url) => {
    expect(() => refuseInsideAddress(new URL(url))).toThrow(/inside network/);
  });

  it.each(["http://8.8.8.8/", "http://[2606:4700::1111]/", "http://localhost/"])(
    "leaves %s to the lookup or to the network",
    (url) => {
      expect(() => refuseInsideAddress(new URL(url))).not.toThrow();
    },
  );
});
