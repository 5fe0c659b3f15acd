//! Fields of a request that say who somebody is, what they may do, or which other path is meant:
//! proxies and gateways write them, and targets believe whoever stands in front of them.
//!
//! Hundreds are known (`X-WebAuth-User`, `Remote-Groups`, `X-Amzn-Oidc-Data`, `MSCRMCallerID`), and
//! every product adds its own. So names are looked at by the words and stems in them, and what a
//! service needs all the same is named by its operator (`pass_fields`). The other way round, a list
//! of what goes on, was not taken: services have more harmless fields of their own (versions,
//! regions, wishes) than there are names for who somebody is.

/// Stands anywhere in a word.
const STEMS: [&str; 31] = [
    "accesskey",
    "admin",
    "apikey",
    "assertion",
    "authkey",
    "caller",
    "claim",
    "clientcert",
    "clientip",
    "credential",
    "delegat",
    "email",
    "entitlement",
    "group",
    "identity",
    "impersonat",
    "middleware",
    "passw",
    "permission",
    "principal",
    "privilege",
    "realip",
    "remoteip",
    "runas",
    "secret",
    "sendfile",
    "socketip",
    "sslclient",
    "subject",
    "token",
    "user",
];
/// Begins a word: within others these letters stand anywhere.
const BEGINNINGS: [&str; 16] = [
    "accel", "account", "auth", "cert", "hasura", "invoke", "jwt", "login", "oidc", "org", "role",
    "saml", "sudo", "tenant", "viewer", "webauth",
];
/// Is a word.
const WORDS: [&str; 27] = [
    "acting",
    "addr",
    "as",
    "behalf",
    "consumer",
    "copy",
    "destination",
    "dn",
    "gid",
    "ip",
    "matched",
    "path",
    "remote",
    "rename",
    "runas",
    "scope",
    "scopes",
    "sid",
    "ssl",
    "subrequest",
    "sub",
    "uid",
    "upn",
    "uri",
    "url",
    "verified",
    "xauth",
];
/// Two words that are one of these together.
const PAIRS: [(&str, &str); 5] =
    [("access", "key"), ("api", "key"), ("auth", "key"), ("run", "as"), ("client", "cert")];
/// Names that have such a word and say nothing of the kind.
const HARMLESS: [&str; 5] =
    ["user-agent", "x-user-agent", "sec-fetch-user", "x-csrf-token", "x-xsrf-token"];

/// Whether a field says who somebody is, or on whose behalf something is asked.
pub(super) fn says_who(name: &str) -> bool {
    if HARMLESS.contains(&name) {
        return false;
    }
    let words: Vec<&str> = name.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let is_one = |word: &&str| {
        WORDS.contains(word)
            || STEMS.iter().any(|stem| word.contains(stem))
            || BEGINNINGS.iter().any(|begin| word.starts_with(begin))
    };
    let is_pair = |pair: &[&str]| PAIRS.iter().any(|(first, second)| pair == [*first, *second]);
    words.iter().any(is_one) || words.windows(2).any(is_pair)
}
