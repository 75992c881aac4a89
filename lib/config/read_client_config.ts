import * as v from "valibot";
import { ConfigError } from "../errors.ts";
import type { ConnectOptions } from "../types.ts";
import { refuseUnknown } from "./refuse_unknown.ts";
import { number, shaped, Text } from "./shape.ts";

/** What has nothing to act on here, and changes nothing that a request does: it is taken and has no effect. */
const WITHOUT_EFFECT =
  "user_agent user_agent_extra user_agent_appid parameter_validation max_pool_connections s3 s3_disable_express_session_auth inject_host_prefix endpoint_discovery_enabled ignore_configured_endpoint_urls defaults_mode tcp_keepalive request_min_compression_size_bytes disable_request_compression client_context_params request_checksum_calculation response_checksum_validation"
    .split(" ");

/** What changes how or where requests go, and does not do so here: what to do instead. */
const INSTEAD: Readonly<Record<string, string>> = {
  proxies: "pass connect({ http: { fetch } }) a fetch that goes through the proxy",
  proxies_config: "pass connect({ http: { fetch } }) a fetch that goes through the proxy",
  client_cert: "pass connect({ http: { fetch } }) a fetch with the certificate",
  signature_version: "requests are signed with version 4",
  auth_scheme_preference: "requests are signed with version 4",
  sigv4a_signing_region_set: "requests are signed with version 4, for one region",
  use_dualstack_endpoint: "put its host into the broker URL",
  use_fips_endpoint: "put its host into the broker URL",
  account_id_endpoint_mode: "put its host into the broker URL",
};

const Config = v.looseObject({
  region_name: Text,
  connect_timeout: number(0.001, Infinity),
  read_timeout: number(0.001, Infinity),
  retries: v.nullish(
    v.object(
      { max_attempts: number(0, 1000, true), total_max_attempts: number(1, 1000, true), mode: Text },
      "an object",
    ),
  ),
});

/**
 * Makes `client-config`, the options of botocore's `Config`, ours. The larger of `connect_timeout` and `read_timeout`
 * becomes `http.requestTimeout`; a long poll's wait is added to it. `retries` becomes `http.maxAttempts`: botocore's
 * `max_attempts` does not count the first try, its `total_max_attempts` does, and wins. `region_name` wins over `region`,
 * as in botocore.
 *
 * @throws {ConfigError} If an option is unknown, wrong, or can't apply here.
 */
export function readClientConfig(
  config: Readonly<Record<string, unknown>>,
  path: string,
): Pick<ConnectOptions, "region" | "http"> {
  refuseUnknown(path, config, [...Object.keys(Config.entries), ...WITHOUT_EFFECT, ...Object.keys(INSTEAD)]);
  for (const [name, advice] of Object.entries(INSTEAD)) {
    // What switches nothing on is no reason to stop.
    const value = config[name];
    const harmless = !value || value === "v4" || typeof value === "object" && !Object.keys(value).length;
    if (!harmless) throw new ConfigError(`Cannot use '${path}.${name}' as it can't apply here: ${advice}`);
  }
  const { region_name, connect_timeout, read_timeout, retries } = shaped(Config, config, path);
  if (retries) {
    refuseUnknown(`${path}.retries`, config.retries as object, ["max_attempts", "total_max_attempts", "mode"]);
  }
  const requestTimeout = Math.max(connect_timeout ?? 0, read_timeout ?? 0) || undefined;
  const { max_attempts, total_max_attempts } = retries ?? {};
  const maxAttempts = total_max_attempts ?? (max_attempts == null ? undefined : max_attempts + 1);
  return {
    region: region_name || undefined,
    http: requestTimeout || maxAttempts
      ? { ...requestTimeout && { requestTimeout }, ...maxAttempts && { maxAttempts } }
      : undefined,
  };
}
