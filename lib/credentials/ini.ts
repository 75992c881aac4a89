/**
 * Reads AWS's shared configuration files.
 *
 * @module
 */

/** The settings of each profile, by the profile's name. Neither level has a prototype. */
export type Profiles = Record<string, Record<string, string>>;

/**
 * Reads the text of a `config` or a `credentials` file.
 *
 * Comments begin with `#` or `;` at the start of a line, or after white space behind a value. Names of settings are read
 * in lower case. Lines that are indented below a setting without a value belong to it and are left out. A section that
 * is no profile, such as `[sso-session x]`, is left out. `[profile default]` wins over `[default]`; of two equal
 * settings the last one counts.
 *
 * @see {@link https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html}
 */
export function readProfiles(text: string): Profiles {
  const profiles: Profiles = Object.create(null);
  const plainDefault: Record<string, string> = Object.create(null);
  let section: Record<string, string> | undefined;
  let nested = false;
  for (const line of text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/)) {
    const bare = line.trim();
    if (bare === "" || /^[#;]/.test(bare)) continue;
    if (bare.startsWith("[")) {
      const end = bare.indexOf("]");
      const name = end < 0 ? undefined : profileName(bare.slice(1, end).trim());
      nested = false;
      section = name === undefined
        ? undefined
        : name === "default" && !/^\[\s*profile\s/.test(bare)
        ? plainDefault
        : profiles[name] ??= Object.create(null);
      continue;
    }
    const at = bare.indexOf("=");
    if (!section || at < 1 || (nested && /^\s/.test(line))) continue;
    const value = bare.slice(at + 1).replace(/(?:^|\s)[#;].*$/, "").trim();
    nested = value === "";
    section[bare.slice(0, at).trim().toLowerCase()] = value;
  }
  if (!profiles.default && Object.keys(plainDefault).length) profiles.default = plainDefault;
  return profiles;
}

/** `x`, `profile x` and `profile "x"` are x; another kind of section is none. */
function profileName(section: string): string | undefined {
  const [kind, rest] = [section.split(/\s/, 1)[0], section.replace(/^\S+\s*/, "")];
  if (rest === "") return kind === "profile" ? undefined : unquote(kind);
  if (kind === "profile") return unquote(rest);
  return /^(?:sso-session|services|plugins)$/.test(kind) ? undefined : unquote(section);
}

function unquote(name: string): string {
  return name.replace(/^(["'])(.*)\1$/, "$2");
}
