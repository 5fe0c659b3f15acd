//! Messages of JSON-RPC 2.0, read strictly.

mod alike;
mod strict;

pub(crate) use strict::read as read_json;

use alike::has_look_alikes;
use strict::is_exact;

use serde_json::{Map, Value, json};

/// The longest name of a method, a tool or a prompt.
pub(crate) const NAME_BYTES_MAX: usize = 256;

/// What a request is called by whoever sends it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Id {
    Number(i64),
    Text(String),
}

/// One message.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Message {
    /// Asks for something, and is answered under its id.
    Call(Call),
    /// Says something, and is not answered.
    Note(Note),
    /// Answers a call.
    Answer(Answer),
}

/// A request, in the words of JSON-RPC.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Call {
    pub(crate) id: Id,
    pub(crate) method: String,
    pub(crate) params: Map<String, Value>,
}

/// A notification.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Note {
    pub(crate) method: String,
    pub(crate) params: Map<String, Value>,
}

/// A response: one of a result and an error.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Answer {
    pub(crate) id: Id,
    pub(crate) outcome: Outcome,
}

/// What a call came to.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Outcome {
    Result(Value),
    Error(Value),
}

impl Outcome {
    pub(crate) fn into_result(self) -> Option<Value> {
        match self {
            Self::Result(result) => Some(result),
            Self::Error(_) => None,
        }
    }
}

/// Why a text is no message, with the code of JSON-RPC.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Malformed {
    pub(crate) code: i64,
    pub(crate) why: &'static str,
}

const PARSE_ERROR: i64 = -32700;
const INVALID_REQUEST: i64 = -32600;

fn invalid(why: &'static str) -> Malformed {
    Malformed { code: INVALID_REQUEST, why }
}

impl Id {
    pub(crate) fn read(value: &Value) -> Result<Self, Malformed> {
        match value {
            Value::Number(number) => number
                .as_i64()
                .map(Self::Number)
                .ok_or_else(|| invalid("the id is not a whole number")),
            Value::String(text) if text.len() <= NAME_BYTES_MAX => Ok(Self::Text(text.clone())),
            _ => Err(invalid("the id is neither a number nor a short text")),
        }
    }

    /// As a message has it.
    pub(crate) fn to_value(&self) -> Value {
        match self {
            Self::Number(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
        }
    }
}

impl Message {
    /// Reads a text.
    pub(crate) fn read(text: &str) -> Result<Self, Malformed> {
        let parse_error = |_| Malformed { code: PARSE_ERROR, why: "the message is not JSON" };
        match read_json(text).map_err(parse_error)? {
            Value::Object(fields) => Self::of(fields),
            Value::Array(_) => Err(invalid("several messages at once are not taken: send each")),
            _ => Err(invalid("a message is an object")),
        }
    }

    /// Whether somebody else could read another message in it.
    fn has_look_alikes(&self) -> bool {
        match self {
            Self::Call(Call { params, .. }) | Self::Note(Note { params, .. }) => {
                has_look_alikes(params)
            }
            Self::Answer(Answer {
                outcome: Outcome::Result(said) | Outcome::Error(said), ..
            }) => said.as_object().is_some_and(has_look_alikes),
        }
    }

    /// Reads a text that is written anew for somebody else: it must say the same there.
    pub(crate) fn read_exactly(text: &str) -> Result<Self, Malformed> {
        let message = Self::read(text)?;
        if !is_exact(text) {
            return Err(invalid(
                "a number has too many digits to be sent on as it is: send a text",
            ));
        }
        match message.has_look_alikes() {
            true => Err(invalid(
                "a member is called almost like another one, or like one of the \
                protocol's: there are servers that see no difference",
            )),
            false => Ok(message),
        }
    }

    fn of(mut fields: Map<String, Value>) -> Result<Self, Malformed> {
        if fields.remove("jsonrpc") != Some(Value::from("2.0")) {
            return Err(invalid("`jsonrpc` is not \"2.0\""));
        }
        let id = fields.remove("id");
        let method = fields.remove("method");
        let (result, error) = (fields.remove("result"), fields.remove("error"));
        let params = match fields.remove("params") {
            None => Map::new(),
            Some(Value::Object(params)) => params,
            Some(_) => return Err(invalid("`params` is not an object")),
        };
        if !fields.is_empty() {
            return Err(invalid("the message has a member that JSON-RPC does not know"));
        }
        match (method, id, result, error) {
            (Some(Value::String(method)), id, None, None) => {
                if method.is_empty() || method.len() > NAME_BYTES_MAX {
                    return Err(invalid("the method has no name, or a very long one"));
                }
                Ok(match id {
                    Some(id) => Self::Call(Call { id: Id::read(&id)?, method, params }),
                    None => Self::Note(Note { method, params }),
                })
            }
            (None, Some(id), Some(result), None) if params.is_empty() => {
                Ok(Self::Answer(Answer { id: Id::read(&id)?, outcome: Outcome::Result(result) }))
            }
            (None, Some(id), None, Some(error)) if params.is_empty() => {
                Ok(Self::Answer(Answer { id: Id::read(&id)?, outcome: Outcome::Error(error) }))
            }
            _ => Err(invalid("the message is no request, no notification and no response")),
        }
    }
}

/// A request or a notification, as it is written.
pub(crate) fn written(id: Option<&Id>, method: &str, params: &Map<String, Value>) -> String {
    let mut message = Map::new();
    message.insert("jsonrpc".to_owned(), "2.0".into());
    if let Some(id) = id {
        message.insert("id".to_owned(), id.to_value());
    }
    message.insert("method".to_owned(), method.into());
    if !params.is_empty() {
        message.insert("params".to_owned(), params.clone().into());
    }
    Value::Object(message).to_string()
}

impl Answer {
    /// As it is written.
    pub(crate) fn written(&self) -> String {
        let (name, value) = match &self.outcome {
            Outcome::Result(result) => ("result", result),
            Outcome::Error(error) => ("error", error),
        };
        json!({"jsonrpc": "2.0", "id": self.id.to_value(), name: value}).to_string()
    }
}

/// An error under an id, in the gateway's words.
pub(crate) fn error_text(id: Option<&Id>, code: i64, message: &str, data: Value) -> String {
    let mut error = json!({"code": code, "message": message});
    if let (Some(fields), false) = (error.as_object_mut(), data.is_null()) {
        fields.insert("data".to_owned(), data);
    }
    json!({"jsonrpc": "2.0", "id": id.map(Id::to_value), "error": error}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_apart() {
        let call = Message::read(r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#).unwrap();
        assert!(matches!(call, Message::Call(Call { id: Id::Number(7), .. })));
        let note = Message::read(r#"{"jsonrpc":"2.0","method":"x","params":{}}"#).unwrap();
        assert!(matches!(note, Message::Note(_)));
        let text = r#"{"jsonrpc":"2.0","id":"a","error":{"code":1}}"#;
        let Message::Answer(answer) = Message::read(text).unwrap() else { panic!("{text}") };
        assert_eq!(answer.written(), text);
    }

    #[test]
    fn what_is_no_message_is_not_read() {
        let refused = [
            "",
            "[]",
            "7",
            r#"{"id":1,"method":"x"}"#,
            r#"{"jsonrpc":"2.0","id":null,"method":"x"}"#,
            r#"{"jsonrpc":"2.0","id":1.5,"method":"x"}"#,
            r#"{"jsonrpc":"2.0","id":1}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":7}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"x","params":[]}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"x","result":1}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":1,"error":2}"#,
            r#"{"jsonrpc":"2.0","method":"x","method":"y"}"#,
            r#"{"jsonrpc":"2.0","method":"x","Method":"y"}"#,
        ];
        for text in refused {
            assert!(Message::read(text).is_err(), "{text}");
        }
        for params in [
            r#"{"name":"find","Name":"admin_reset"}"#,
            r#"{"Name":"admin_reset"}"#,
            r#"{"name":"find","argument\u017f":{}}"#,
            r#"{"uri":"a:b","URI":"a:c"}"#,
            r#"{"ref":{"type":"ref/prompt","name":"a","NAME":"b"}}"#,
            r#"{"REF":{}}"#,
            r#"{"_meta":{"progresstoken":1}}"#,
            r#"{"_META":{}}"#,
            r#"{"meta":{}}"#,
            r#"{"progress_token":1}"#,
            r#"{"x":1,"X":2}"#,
            r#"{"_meta":{"io.modelcontextprotocol/ClientInfo":{}}}"#,
            r#"{"clientInfo":{"name":"a","Name":"b"}}"#,
            r#"{"notifications":{"ResourceSubscriptions":["a:b"]}}"#,
        ] {
            let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"x","params":{params}}}"#);
            assert!(Message::read_exactly(&text).is_err(), "{text}");
        }
        for params in [
            r#"{"name":"find","arguments":{"Name":1,"name":2,"URI":3}}"#,
            r#"{"_meta":{"progressToken":1,"vendor":{"Name":"x"}},"tenant":"x"}"#,
            r#"{"capabilities":{"experimental":{"Name":{}}},"clientInfo":{"websiteUrl":"x"}}"#,
        ] {
            let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"x","params":{params}}}"#);
            assert!(Message::read_exactly(&text).is_ok(), "{text}");
        }
        let answer = r#"{"jsonrpc":"2.0","id":1,"result":{"action":"decline","Action":"accept"}}"#;
        assert!(Message::read_exactly(answer).is_err());
        let long = r#"{"jsonrpc":"2.0","method":"x","params":{"n":12345678901234567890123}}"#;
        assert!(Message::read(long).is_ok(), "a server's is sent on as it came");
        assert!(Message::read_exactly(long).unwrap_err().why.contains("too many digits"));
    }
}
