//! What the gateway asks a server for its own sake, between a client's requests.

use crate::request::SettingName;
use crate::target::{REDEFINED, forget_inside, inside_questions};
use crate::wire::own_question;
use bytes::Bytes;
use portreeve_session::OwnQuestion;

/// A question of the gateway's own.
#[derive(Clone, Copy, Debug)]
pub(super) enum Question<'a> {
    /// Which time its answers are of.
    Isolation,
    /// Where the session looks names up.
    Path,
    /// Whether the open transaction has changed definitions.
    Redefined,
    /// What the open transaction sees of them; with the code behind functions, or without.
    Definitions { code: bool },
    /// That has failed: what was done for it is taken back, and nothing else.
    ForgetDefinitions,
    /// What the session has set, and these, which it lists to nobody who does not name them.
    Settings { hidden: &'a [SettingName] },
}

impl OwnQuestion for Question<'_> {
    fn encode(&self) -> Bytes {
        match self {
            Self::Isolation => own_question("SHOW transaction_isolation"),
            Self::Path => own_question(PATH),
            Self::Redefined => own_question(&REDEFINED),
            Self::Definitions { code } => inside_questions(*code),
            Self::ForgetDefinitions => forget_inside(),
            Self::Settings { hidden } => own_question(&settings_question(hidden)),
        }
    }
}

/// Where what has no schema is made, and the schemas in which names are looked up, in their
/// order; temporary ones with their numbers.
const PATH: &str = "\
SELECT pg_catalog.current_schema(), path.schema
FROM pg_catalog.unnest(pg_catalog.current_schemas(true)) WITH ORDINALITY AS path (schema, place)
ORDER BY path.place";

/// Asks for what was set since the session began, as a JSON object. Whatever the search path is,
/// these are PostgreSQL's own.
fn settings_question(hidden: &[SettingName]) -> String {
    let mut question = "\
SELECT coalesce(pg_catalog.json_object_agg(known.name, known.setting)::pg_catalog.text, '{}') FROM (
SELECT name, setting FROM pg_catalog.pg_settings
WHERE source OPERATOR(pg_catalog.=) 'session'
  AND NOT pg_catalog.starts_with(name, 'transaction_')"
        .to_owned();
    for name in hidden {
        let name = name.literal();
        question.push_str(&format!(
            " UNION ALL SELECT {name}, pg_catalog.current_setting({name}, true)"
        ));
    }
    question + ") AS known WHERE known.setting IS NOT NULL"
}
