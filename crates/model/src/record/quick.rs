//! Events are read in one pass.
//!
//! The name of an event stands first in it, and which members follow depends on it. What serde
//! makes of that keeps all of them until it has seen the name, and reads them then: more than half
//! of the time that a log takes. Of the events that nearly all of a log are, the members are read
//! as they come; the others, and those that begin otherwise, as ever.

use super::{CommandRecord, Detected, Event, ObjectUsage, RevealedBy};
use crate::{Category, Usage};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;

/// What the name of an event stands under.
const TAG: &str = "event";

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, to)
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Event;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Event, A::Error> {
        let first = members.next_key::<String>()?;
        if first.as_deref() != Some(TAG) {
            return as_ever(Again { key: first, value: None, members });
        }
        let name = members.next_value::<String>()?;
        match name.as_str() {
            "request" => read::<RequestMembers, A>(members),
            "request-data" => read::<DataMembers, A>(members),
            "response" => read::<ResponseMembers, A>(members),
            _ => as_ever(Again { key: first, value: Some(name), members }),
        }
    }
}

fn read<'de, M: Deserialize<'de> + Into<Event>, A: MapAccess<'de>>(
    members: A,
) -> Result<Event, A::Error> {
    M::deserialize(MapAccessDeserializer::new(members)).map(Into::into)
}

fn as_ever<'de, A: MapAccess<'de>>(members: Again<A>) -> Result<Event, A::Error> {
    Event::deserialize(MapAccessDeserializer::new(members))
}

/// Members of which the first was taken out already.
struct Again<A> {
    key: Option<String>,
    /// Its value, where that was taken out, too.
    value: Option<String>,
    members: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Again<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        match self.key.take() {
            Some(key) => seed.deserialize(key.into_deserializer()).map(Some),
            None => self.members.next_key_seed(seed),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        match self.value.take() {
            Some(value) => seed.deserialize(value.into_deserializer()),
            None => self.members.next_value_seed(seed),
        }
    }
}

/// [`Event::Request`].
#[derive(Deserialize)]
struct RequestMembers {
    exchange: u64,
    hour: u64,
    session_rows: u64,
    #[serde(default)]
    session_values: u64,
    #[serde(default)]
    session_bytes: u64,
    #[serde(default)]
    session_messages: u64,
    #[serde(default)]
    session_probes: u64,
    #[serde(default)]
    session_subjects: u64,
    #[serde(default)]
    session_changes: u64,
    #[serde(default)]
    day: Vec<ObjectUsage>,
    commands: Vec<CommandRecord>,
}

impl From<RequestMembers> for Event {
    fn from(read: RequestMembers) -> Self {
        let session = Usage {
            rows: read.session_rows,
            values: read.session_values,
            bytes: read.session_bytes,
            messages: read.session_messages,
            probes: read.session_probes,
            subjects: read.session_subjects,
            changes: read.session_changes,
        };
        let RequestMembers { exchange, hour, day, commands, .. } = read;
        Self::Request { exchange, hour, session, day, commands }
    }
}

/// [`Event::RequestData`].
#[derive(Deserialize)]
struct DataMembers {
    exchange: u64,
}

impl From<DataMembers> for Event {
    fn from(DataMembers { exchange }: DataMembers) -> Self {
        Self::RequestData { exchange }
    }
}

/// [`Event::Response`].
#[derive(Deserialize)]
struct ResponseMembers {
    exchange: u64,
    rows: u64,
    #[serde(default)]
    masked: BTreeMap<Category, u64>,
    #[serde(default)]
    detected: Vec<Detected>,
    #[serde(default)]
    revealed_by: Option<RevealedBy>,
}

impl From<ResponseMembers> for Event {
    fn from(read: ResponseMembers) -> Self {
        let ResponseMembers { exchange, rows, masked, detected, revealed_by } = read;
        Self::Response { exchange, rows, masked, detected, revealed_by }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever the order, both ways of reading agree, and what was written is what is read.
    #[test]
    fn events_are_read_alike_in_every_order() {
        let check = |text: &str| {
            let read: Event = serde_json::from_str(text).unwrap();
            let ever = Event::deserialize(&mut serde_json::Deserializer::from_str(text)).unwrap();
            assert_eq!(read, ever, "{text}");
            let written = serde_json::to_string(&read).unwrap();
            assert_eq!(written, text);
            let (tag, rest) = text[1..text.len() - 1].split_once(',').unwrap_or((text, ""));
            if !rest.is_empty() {
                let turned: Event = serde_json::from_str(&format!("{{{rest},{tag}}}")).unwrap();
                assert_eq!(turned, read);
            }
        };
        check(r#"{"event":"gateway-stopped"}"#);
        check(r#"{"event":"session-closed","why":"it ended","exchanges":3,"rows":7}"#);
        check(r#"{"event":"request-data","exchange":4}"#);
        check(r#"{"event":"response","exchange":4,"rows":2}"#);
        check(r#"{"event":"response","exchange":4,"rows":2,"masked":{"email":2,"name":1}}"#);
        check(r#"{"event":"exchange-closed","exchange":4,"outcome":"completed","rows":2}"#);
        check(
            r#"{"event":"exchange-closed","exchange":4,"outcome":"failed","code":"42P01","rows":0}"#,
        );
        check(concat!(
            r#"{"event":"request","exchange":3,"hour":9,"session_rows":1,"session_values":2,"#,
            r#""session_bytes":3,"session_messages":4,"session_probes":5,"session_subjects":6,"#,
            r#""session_changes":7,"commands":[]}"#
        ));
    }

    #[test]
    fn what_is_no_event_is_refused() {
        let check = |text: &str| assert!(serde_json::from_str::<Event>(text).is_err(), "{text}");
        check("{}");
        check("[]");
        check(r#"{"event":"nothing"}"#);
        check(r#"{"event":7}"#);
        check(r#"{"event":"response","exchange":4}"#);
        check(r#"{"event":"request","exchange":3,"hour":9,"commands":[]}"#);
        check(r#"{"exchange":4,"rows":2}"#);
    }
}
