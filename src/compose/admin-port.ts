import { type AdminOptions, createAdminApp } from "../admin/app.ts";
import { type AdminServer, type AdminServerOptions, startAdminServer } from "../admin/server.ts";

/** Starts the operators' port. @throws GatewayError with a sentence for the operator when the address cannot be had */
export const startAdminPort = (
  address: Omit<AdminServerOptions, "app">,
  view: AdminOptions,
): Promise<AdminServer> => startAdminServer({ ...address, app: createAdminApp(view) });
