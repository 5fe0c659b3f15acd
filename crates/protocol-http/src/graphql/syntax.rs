//! The executable part of GraphQL: operations and fragments.
//!
//! SPEC: GraphQL (September 2025), sections 2.2 to 2.13.

use super::lexer::{Token, tokens};
use std::collections::BTreeMap;

/// What an operation does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Query,
    Mutation,
    Subscription,
}

/// What a client may run.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Operation {
    pub(super) kind: Kind,
    pub(super) name: Option<String>,
    /// The values that variables have where the client gives none.
    pub(super) defaults: Vec<(String, Value)>,
    pub(super) directives: Vec<Directive>,
    pub(super) selections: Vec<Selection>,
}

/// What stands for selections in more than one place.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Fragment {
    pub(super) directives: Vec<Directive>,
    pub(super) selections: Vec<Selection>,
}

/// A part of what is asked for.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Selection {
    Field(Field),
    Spread { name: String, directives: Vec<Directive> },
    Inline(Fragment),
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Field {
    /// What the answer calls it.
    pub(super) key: String,
    pub(super) name: String,
    pub(super) arguments: Vec<(String, Value)>,
    pub(super) directives: Vec<Directive>,
    pub(super) selections: Vec<Selection>,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Directive {
    pub(super) name: String,
    pub(super) arguments: Vec<(String, Value)>,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Value {
    /// Its name; what it holds stands beside the document.
    Variable(String),
    /// A number, too, and words: `true`, `false`, `null`, those of enumerations.
    Text(String),
    List(Vec<Value>),
    Object(Vec<(String, Value)>),
}

/// A document.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Document {
    pub(super) operations: Vec<Operation>,
    pub(super) fragments: BTreeMap<String, Fragment>,
}

/// The most levels of selections and values: each takes up a piece of the stack.
const LEVELS_MAX: usize = 32;

impl Document {
    /// Reads one.
    ///
    /// # Errors
    /// Why it is none, in the client's words.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut reader = Reader { tokens: tokens(text)?, at: 0, levels: 0 };
        let mut document = Self { operations: Vec::new(), fragments: BTreeMap::new() };
        while let Some(token) = reader.peek() {
            match token {
                Token::Name(word) if word == "fragment" => {
                    let (name, fragment) = reader.fragment()?;
                    if document.fragments.insert(name.clone(), fragment).is_some() {
                        return Err(format!("the fragment `{name}` stands in it twice"));
                    }
                }
                _ => document.operations.push(reader.operation()?),
            }
        }
        Ok(document)
    }
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    levels: usize,
}

impl Reader {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn takes(&mut self, sign: char) -> bool {
        let is_it = self.peek() == Some(&Token::Sign(sign));
        self.at += usize::from(is_it);
        is_it
    }

    fn needs(&mut self, sign: char) -> Result<(), String> {
        if self.takes(sign) { Ok(()) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    fn name(&mut self) -> Result<String, String> {
        match self.next() {
            Some(Token::Name(name)) => Ok(name),
            _ => {
                self.at -= 1;
                Err(self.unexpected("a name"))
            }
        }
    }

    fn unexpected(&self, expected: &str) -> String {
        let found = match self.peek() {
            None => "nothing".to_owned(),
            Some(Token::Name(name)) => format!("`{name}`"),
            Some(Token::Sign(sign)) => format!("`{sign}`"),
            Some(Token::Spread) => "`...`".to_owned(),
            Some(Token::Number(_) | Token::Text(_)) => "a value".to_owned(),
        };
        format!("{found} stands where {expected} belongs")
    }

    fn inside<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, String>,
    ) -> Result<T, String> {
        self.levels += 1;
        if self.levels > LEVELS_MAX {
            return Err(format!("it has more than {LEVELS_MAX} levels"));
        }
        let found = read(self);
        self.levels -= 1;
        found
    }

    fn operation(&mut self) -> Result<Operation, String> {
        let (mut kind, mut name, mut defaults) = (Kind::Query, None, Vec::new());
        let mut directives = Vec::new();
        if self.peek() != Some(&Token::Sign('{')) {
            kind = match self.name()?.as_str() {
                "query" => Kind::Query,
                "mutation" => Kind::Mutation,
                "subscription" => Kind::Subscription,
                other => return Err(format!("`{other}` is no operation")),
            };
            if let Some(Token::Name(_)) = self.peek() {
                name = Some(self.name()?);
            }
            defaults = self.variables()?;
            directives = self.directives()?;
        }
        let selections = self.selections()?;
        Ok(Operation { kind, name, defaults, directives, selections })
    }

    fn fragment(&mut self) -> Result<(String, Fragment), String> {
        self.at += 1;
        let name = self.name()?;
        if name == "on" || self.name()? != "on" {
            return Err("a fragment is written as `fragment name on Type { … }`".to_owned());
        }
        self.name()?;
        let directives = self.directives()?;
        Ok((name, Fragment { directives, selections: self.selections()? }))
    }

    fn variables(&mut self) -> Result<Vec<(String, Value)>, String> {
        let mut defaults = Vec::new();
        if !self.takes('(') {
            return Ok(defaults);
        }
        while !self.takes(')') {
            self.needs('$')?;
            let name = self.name()?;
            self.needs(':')?;
            self.inside(Self::type_name)?;
            if self.takes('=') {
                defaults.push((name, self.value()?));
            }
            self.directives()?;
        }
        Ok(defaults)
    }

    fn type_name(&mut self) -> Result<(), String> {
        if self.takes('[') {
            self.inside(Self::type_name)?;
            self.needs(']')?;
        } else {
            self.name()?;
        }
        self.takes('!');
        Ok(())
    }

    fn directives(&mut self) -> Result<Vec<Directive>, String> {
        let mut directives = Vec::new();
        while self.takes('@') {
            directives.push(Directive { name: self.name()?, arguments: self.arguments()? });
        }
        Ok(directives)
    }

    fn arguments(&mut self) -> Result<Vec<(String, Value)>, String> {
        if self.takes('(') { self.members(')') } else { Ok(Vec::new()) }
    }

    fn members(&mut self, end: char) -> Result<Vec<(String, Value)>, String> {
        let mut members: Vec<(String, Value)> = Vec::new();
        while !self.takes(end) {
            let name = self.name()?;
            self.needs(':')?;
            if members.iter().any(|(known, _)| *known == name) {
                return Err(format!("`{name}` is said twice"));
            }
            members.push((name, self.value()?));
        }
        Ok(members)
    }

    fn value(&mut self) -> Result<Value, String> {
        self.inside(|reader| match reader.next() {
            Some(Token::Text(text) | Token::Number(text) | Token::Name(text)) => {
                Ok(Value::Text(text))
            }
            Some(Token::Sign('$')) => reader.name().map(Value::Variable),
            Some(Token::Sign('{')) => Ok(Value::Object(reader.members('}')?)),
            Some(Token::Sign('[')) => {
                let mut items = Vec::new();
                while !reader.takes(']') {
                    items.push(reader.value()?);
                }
                Ok(Value::List(items))
            }
            _ => {
                reader.at -= 1;
                Err(reader.unexpected("a value"))
            }
        })
    }

    fn selections(&mut self) -> Result<Vec<Selection>, String> {
        self.inside(|reader| {
            reader.needs('{')?;
            let mut selections = Vec::new();
            while !reader.takes('}') {
                selections.push(reader.selection()?);
            }
            if selections.is_empty() {
                return Err("nothing is asked for between `{` and `}`".to_owned());
            }
            Ok(selections)
        })
    }

    fn selection(&mut self) -> Result<Selection, String> {
        if self.peek() != Some(&Token::Spread) {
            return self.field().map(Selection::Field);
        }
        self.at += 1;
        match self.peek() {
            Some(Token::Name(word)) if word != "on" => {
                let name = self.name()?;
                Ok(Selection::Spread { name, directives: self.directives()? })
            }
            other => {
                if matches!(other, Some(Token::Name(_))) {
                    self.at += 1;
                    self.name()?;
                }
                let directives = self.directives()?;
                Ok(Selection::Inline(Fragment { directives, selections: self.selections()? }))
            }
        }
    }

    fn field(&mut self) -> Result<Field, String> {
        let key = self.name()?;
        let name = if self.takes(':') { self.name()? } else { key.clone() };
        let arguments = self.arguments()?;
        let directives = self.directives()?;
        let selections = match self.peek() {
            Some(Token::Sign('{')) => self.selections()?,
            _ => Vec::new(),
        };
        Ok(Field { key, name, arguments, directives, selections })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_and_fragments_are_read() {
        let document = Document::read(
            "query Q($a: [ID!]! = [1], $b: In = {c: \"d\"}) @x { e: f(g: $a, h: I) @skip(if: true) { j ...K ... on L { m } ... { n } } } fragment K on O { p } mutation { q }",
        );
        let document = document.unwrap();
        let [query, mutation] = document.operations.as_slice() else { panic!("two") };
        assert_eq!(
            (query.kind, query.name.as_deref(), query.defaults.len()),
            (Kind::Query, Some("Q"), 2)
        );
        assert_eq!(mutation.kind, Kind::Mutation);
        let [Selection::Field(field)] = query.selections.as_slice() else { panic!("one") };
        assert_eq!((field.key.as_str(), field.name.as_str(), field.arguments.len()), ("e", "f", 2));
        assert_eq!(field.selections.len(), 4);
        assert!(document.fragments.contains_key("K"));
    }

    #[test]
    fn what_is_none_is_refused_with_the_reason() {
        let check = |text: &str, expect: &str| {
            let why = Document::read(text).unwrap_err();
            assert!(why.contains(expect), "{text}: {why}");
        };
        check("{", "a name");
        check("{ }", "nothing is asked for");
        check("{ a(b: 1, b: 2) }", "`b` is said twice");
        check("type A { b: C }", "`type` is no operation");
        check("fragment on on A { b }", "fragment name on Type");
        check("fragment A on B { c } fragment A on B { d }", "twice");
        check("{ a: }", "a name");
        check("{ a } }", "a name");
        check("{ a(b: ) }", "a value");
        check("query($a) { b }", "`:`");
        check(&format!("{}{}", "{ a ".repeat(40), "}".repeat(40)), "32 levels");
        check(&format!("{{ a(b: {}1{}) }}", "[".repeat(40), "]".repeat(40)), "32 levels");
        check(&format!("query($a: {}B{}) {{ c }}", "[".repeat(40), "]".repeat(40)), "32 levels");
    }
}
