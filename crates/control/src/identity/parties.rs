//! What a token's claims tell about parties: whether a person is behind it, which program
//! holds it, who the person is elsewhere, and whether it is an access token at all. Pure.
//!
//! Who is a person must be proven. A token that was given to a program names that program
//! as an actor, whatever else it says; only clients that the configuration lists as
//! interactive are a person's own hands.

use super::AuthError;
use super::claims::{Claims, SUBJECT_BYTES_MAX, is_name, names_audience};
use portreeve_model::{Party, PartyKind};
use serde_json::Value;

/// The client that the token was given to.
///
/// SPEC: `client_id` is RFC 9068's, `azp` OpenID Connect's, `appid` and `cid` are those of
/// Entra ID and Okta.
pub(crate) fn client(claims: &Claims) -> Result<Option<String>, AuthError> {
    let mut found: Option<&str> = None;
    for claim in CLIENT_CLAIMS {
        let name = match claims.get(claim) {
            None => continue,
            Some(Value::String(name)) if is_name(name, SUBJECT_BYTES_MAX) => name.as_str(),
            Some(_) => {
                return Err(AuthError::Claim { claim: claim.into(), why: "is not a short text" });
            }
        };
        if found.is_some_and(|earlier| earlier != name) {
            return Err(AuthError::Delegation("was given to two clients at once"));
        }
        found = Some(name);
    }
    Ok(found.map(str::to_owned))
}

/// What the principal is.
pub(crate) fn principal_kind(claims: &Claims, subject: &str, client: Option<&str>) -> PartyKind {
    let is_program =
        client == Some(subject) || acts_for_itself(claims, client) || is_workload(claims, subject);
    if is_program { PartyKind::Service } else { PartyKind::Person }
}

/// The program that holds the token, where it is neither the principal itself nor a
/// person's own hands.
pub(crate) fn holder(
    claims: &Claims,
    principal: &Party,
    client: Option<String>,
    interactive: &[String],
) -> Option<String> {
    let client = client?;
    let itself = client == principal.subject || acts_for_itself(claims, Some(&client));
    let in_hand = principal.kind == PartyKind::Person && interactive.contains(&client);
    (!itself && !in_hand).then_some(client)
}

/// Whether the issuer says that the client got the token for itself.
///
/// SPEC: RFC 9068 section 2.2: without a resource owner, `sub` is the client. Issuers
/// that keep a name of another shape there say it in a claim of their own: `gty` (Auth0),
/// `idtyp` (Entra ID), `preferred_username` (Keycloak).
fn acts_for_itself(claims: &Claims, client: Option<&str>) -> bool {
    let account = text(claims, "preferred_username");
    let own = account.and_then(|name| name.strip_prefix("service-account-"));
    text(claims, "gty") == Some("client-credentials")
        || text(claims, "idtyp") == Some("app")
        // SECURITY: another client's service account is not this client itself.
        || own.is_some_and(|own| client.is_none_or(|client| client == own))
}

/// Whether no person can be behind the subject: pipelines, pods, machines.
fn is_workload(claims: &Claims, subject: &str) -> bool {
    let account = text(claims, "preferred_username");
    WORKLOAD_PREFIXES.iter().any(|prefix| subject.starts_with(prefix))
        || WORKLOAD_CLAIMS.iter().any(|claim| claims.contains_key(*claim))
        || text(claims, "email").is_some_and(|email| email.ends_with(".gserviceaccount.com"))
        || account.is_some_and(|name| name.starts_with("service-account-"))
}

/// Which human being a person is, by the claim that links issuers.
pub(crate) fn person(claims: &Claims, claim: Option<&str>) -> Result<Option<String>, AuthError> {
    let Some(claim) = claim else { return Ok(None) };
    match claims.get(claim) {
        None => Ok(None),
        // SECURITY: an address that nobody verified is a wish, and would make somebody
        // another person than they are.
        Some(_) if claim == "email" && claims.get("email_verified") != Some(&Value::Bool(true)) => {
            Ok(None)
        }
        Some(Value::String(name)) if is_name(name, SUBJECT_BYTES_MAX) => {
            Ok(Some(name.trim().to_lowercase()))
        }
        Some(_) => Err(AuthError::Claim { claim: claim.to_owned(), why: "is not a short text" }),
    }
}

/// Refuses what is not an access token.
///
/// An ID token tells a client who logged in; it is in browsers and logs, and nobody meant it
/// to open anything. `at+jwt` (RFC 9068) says that a token is an access token. Without it, a
/// token must have what only access tokens have, and nothing that only others have. What
/// says neither is refused, unless it is of a workload: those have no ID tokens.
pub(crate) fn check_is_access_token(
    claims: &Claims,
    typ: TokenType,
    subject: &str,
) -> Result<(), AuthError> {
    match typ {
        TokenType::Access => return Ok(()),
        TokenType::Logout => return Err(AuthError::NotAccessToken("its `typ` says so")),
        TokenType::Jwt => {}
    }
    if FOREIGN_CLAIMS.iter().any(|claim| claims.contains_key(*claim)) {
        return Err(AuthError::NotAccessToken("it has claims of an ID token"));
    }
    let says = |claim: &str, access: &str| match claims.get(claim) {
        None => Some(false),
        Some(Value::String(word)) if word.eq_ignore_ascii_case(access) => Some(true),
        Some(_) => None,
    };
    // `typ` is Keycloak's, `token_use` Cognito's.
    let (Some(bearer), Some(used)) = (says("typ", "Bearer"), says("token_use", "access")) else {
        return Err(AuthError::NotAccessToken("its claims say that it is another one"));
    };
    let has_scope = ["scope", "scp"].iter().any(|claim| match claims.get(*claim) {
        Some(Value::String(scope)) => !scope.is_empty(),
        Some(Value::Array(scopes)) => !scopes.is_empty(),
        _ => false,
    });
    // An ID token is for its client: `aud` names who `azp` is.
    let client = client(claims)?;
    let for_another = client.as_deref().is_some_and(|client| !names_audience(claims, client));
    if bearer || used || has_scope || for_another || is_workload(claims, subject) {
        return Ok(());
    }
    Err(AuthError::NotAccessToken("nothing in it says that it is one"))
}

/// What a token's header says that it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TokenType {
    /// `at+jwt`: an access token.
    Access,
    /// `logout+jwt`: an issuer's word that a login has ended.
    Logout,
    /// `JWT`, or nothing.
    Jwt,
}

fn text<'a>(claims: &'a Claims, claim: &str) -> Option<&'a str> {
    claims.get(claim).and_then(Value::as_str)
}

const CLIENT_CLAIMS: [&str; 4] = ["azp", "client_id", "appid", "cid"];
/// Subjects of GitHub, GitLab, Kubernetes, SPIFFE, Terraform Cloud, Buildkite, CircleCI, AWS.
const WORKLOAD_PREFIXES: [&str; 12] = [
    "repo:",
    "repository:",
    "repository_owner:",
    "job_workflow_ref:",
    "enterprise:",
    "project_path:",
    "system:serviceaccount:",
    "system:node:",
    "spiffe://",
    "organization:",
    "org/",
    "arn:aws",
];
/// Claims of the same, whatever their subject was customised to.
const WORKLOAD_CLAIMS: [&str; 7] = [
    "kubernetes.io",
    "job_workflow_ref",
    "project_path",
    "pipeline_id",
    "pipeline_slug",
    "oidc.circleci.com/project-id",
    "terraform_workspace_id",
];
/// Claims of ID tokens and of logout tokens.
const FOREIGN_CLAIMS: [&str; 5] = ["nonce", "at_hash", "c_hash", "s_hash", "events"];

#[cfg(test)]
mod tests {
    use super::super::claims::{Mapping, chain};
    use super::*;
    use serde_json::json;

    fn object(claims: &Value) -> Claims {
        match claims {
            Value::Object(claims) => claims.clone(),
            other => panic!("{other}"),
        }
    }

    /// `kind subject → actor …` of claims at an issuer whose client `psql` is interactive.
    fn shown(claims: &Value) -> String {
        let interactive = ["psql".to_owned()];
        let mapping = Mapping {
            groups: "groups",
            purpose: "purpose",
            person: None,
            interactive_clients: &interactive,
            groups_max: 1024,
        };
        match chain(&object(claims), "https://i", &mapping) {
            Ok(chain) => format!("{:?} {chain}", chain.principal.kind).to_lowercase(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_client_acting_for_itself_is_a_service() {
        let check = |claims: Value, expect: &str| assert_eq!(shown(&claims), expect, "{claims}");
        check(json!({"sub": "c", "client_id": "c"}), "service c");
        check(json!({"sub": "c", "azp": "c"}), "service c");
        check(json!({"sub": "c", "cid": "c"}), "service c");
        check(
            json!({"sub": "c@clients", "azp": "c", "gty": "client-credentials"}),
            "service c@clients",
        );
        check(json!({"sub": "u", "appid": "c", "idtyp": "app"}), "service u");
        check(json!({"sub": "u", "preferred_username": "service-account-c"}), "service u");
        check(
            json!({"sub": "u", "azp": "c", "preferred_username": "service-account-c"}),
            "service u",
        );
        check(json!({"sub": "u", "idtyp": "user", "preferred_username": "u"}), "person u");
        check(json!({"sub": "u"}), "person u");
    }

    #[test]
    fn a_token_that_was_given_to_a_program_names_it() {
        let check = |claims: Value, expect: &str| assert_eq!(shown(&claims), expect, "{claims}");
        for claim in CLIENT_CLAIMS {
            check(json!({"sub": "ada", claim: "agent"}), "person ada → agent");
            check(json!({"sub": "ada", claim: "psql"}), "person ada");
            check(
                json!({"sub": "ada", claim: ""}),
                &format!("the token's `{claim}` is not a short text"),
            );
            check(
                json!({"sub": "ada", claim: ["psql"]}),
                &format!("the token's `{claim}` is not a short text"),
            );
        }
        let act = json!({"sub": "worker", "act": {"sub": "planner"}});
        check(json!({"sub": "ada", "azp": "worker", "act": act}), "person ada → planner → worker");
        check(json!({"sub": "ada", "azp": "planner", "act": act}), "person ada → planner → worker");
        check(
            json!({"sub": "ada", "azp": "agent", "act": act}),
            "person ada → planner → worker → agent",
        );
        check(json!({"sub": "ada", "azp": "psql", "act": act}), "person ada → planner → worker");
        check(
            json!({"sub": "ada", "azp": "psql", "client_id": "agent"}),
            "the token's delegation chain was given to two clients at once",
        );
        check(json!({"sub": "ada", "azp": "agent", "client_id": "agent"}), "person ada → agent");
        // Another client's service account is a service, and whoever holds its token shows.
        check(
            json!({"sub": "u", "azp": "thief", "preferred_username": "service-account-c"}),
            "service u → thief",
        );
        // A person's own hands are no hands of a service.
        check(json!({"sub": "repo:o/r:ref:x", "azp": "psql"}), "service repo:o/r:ref:x → psql");
        let eight = (0..8).fold(Value::Null, |inner, at| match inner {
            Value::Null => json!({"sub": format!("a{at}")}),
            inner => json!({"sub": format!("a{at}"), "act": inner}),
        });
        check(
            json!({"sub": "ada", "azp": "agent", "act": eight}),
            "the token's delegation chain is deeper than 8 actors",
        );
    }

    #[test]
    fn workloads_are_services() {
        for subject in [
            "repo:octo/app:ref:refs/heads/main",
            "project_path:group/app:ref_type:branch:ref:main",
            "system:serviceaccount:default:agent",
            "system:node:n1",
            "spiffe://example.org/agent",
            "organization:o:workspace:w",
            "org/1/project/2/user/3",
            "arn:aws:sts::1:assumed-role/r/s",
        ] {
            assert_eq!(
                shown(&json!({"sub": subject})),
                format!("service {subject}").to_lowercase()
            );
        }
        for claim in WORKLOAD_CLAIMS {
            assert_eq!(shown(&json!({"sub": "x", claim: "y"})), "service x", "{claim}");
        }
        let google = json!({"sub": "1", "email": "a@p.iam.gserviceaccount.com"});
        assert_eq!(shown(&google), "service 1");
        for subject in ["reporter", "ada:repo", "orga", "spiffe", "system"] {
            assert_eq!(shown(&json!({"sub": subject})), format!("person {subject}"));
        }
    }

    #[test]
    fn people_are_linked_by_what_was_verified() {
        let check = |claims: Value, claim: Option<&str>, expect: Result<Option<&str>, ()>| {
            let found = person(&object(&claims), claim).map_err(drop);
            assert_eq!(found, expect.map(|name| name.map(str::to_owned)), "{claims}");
        };
        let verified = json!({"email": "Ada@Example.ORG", "email_verified": true});
        check(verified.clone(), Some("email"), Ok(Some("ada@example.org")));
        check(verified, None, Ok(None));
        check(json!({"email": "a@b"}), Some("email"), Ok(None));
        check(json!({"email": "a@b", "email_verified": false}), Some("email"), Ok(None));
        check(json!({"email": "a@b", "email_verified": "true"}), Some("email"), Ok(None));
        check(json!({"employee": "4711"}), Some("employee"), Ok(Some("4711")));
        check(json!({}), Some("employee"), Ok(None));
        check(json!({"employee": 4711}), Some("employee"), Err(()));
        check(json!({"employee": ["4711"]}), Some("employee"), Err(()));
    }

    #[test]
    fn only_access_tokens_open_anything() {
        let check = |typ, claims: Value, expect: bool| {
            let subject = claims["sub"].as_str().unwrap_or("ada");
            let found = check_is_access_token(&object(&claims), typ, subject);
            assert_eq!(found.is_ok(), expect, "{claims}: {found:?}");
        };
        check(TokenType::Access, json!({}), true);
        check(TokenType::Access, json!({"nonce": "x"}), true);
        let jwt = |claims: Value, expect| check(TokenType::Jwt, claims, expect);
        // The least that an ID token of the code flow has.
        jwt(json!({"aud": "portreeve", "sub": "ada"}), false);
        jwt(json!({"aud": "portreeve", "azp": "portreeve"}), false);
        jwt(json!({"aud": ["portreeve", "x"], "azp": "x"}), false);
        jwt(json!({"aud": "portreeve", "azp": "psql"}), true);
        jwt(json!({"aud": "portreeve", "scope": "query"}), true);
        jwt(json!({"aud": "portreeve", "scp": ["query"]}), true);
        jwt(json!({"aud": "portreeve", "scope": ""}), false);
        jwt(json!({"aud": "portreeve", "scp": []}), false);
        jwt(json!({"aud": "portreeve", "typ": "Bearer"}), true);
        jwt(json!({"aud": "portreeve", "token_use": "access"}), true);
        for claim in FOREIGN_CLAIMS {
            jwt(json!({"aud": "portreeve", "scope": "query", claim: "x"}), false);
        }
        for other in ["ID", "Refresh", "Offline", "Logout", ""] {
            jwt(json!({"aud": "portreeve", "scope": "query", "typ": other}), false);
        }
        jwt(json!({"aud": "portreeve", "scope": "query", "token_use": "id"}), false);
        jwt(json!({"aud": "portreeve", "sub": "repo:o/r:ref:x"}), true);
        jwt(json!({"aud": "portreeve", "sub": "spiffe://x/y"}), true);
        jwt(json!({"aud": "portreeve", "sub": "spiffe://x/y", "nonce": "n"}), false);
    }
}
