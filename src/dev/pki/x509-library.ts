// Order matters: @peculiar/x509 throws at load unless the metadata polyfill is there first. No other file imports
// either of them.
// oxlint-disable-next-line import/no-unassigned-import -- a polyfill has no exports
import "reflect-metadata";
import * as x509 from "@peculiar/x509";

export { x509 };
