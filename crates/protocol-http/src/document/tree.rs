//! A document as it is written, whatever its writing: JSON or YAML.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// The most levels of a document: each takes up a piece of the stack.
const LEVELS_MAX: u8 = 64;

/// How a document is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Writing {
    /// RFC 8259.
    Json,
    /// YAML 1.2.
    Yaml,
}

/// A value of a document.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Tree {
    Null,
    Bool(bool),
    /// As it is written in JSON.
    Number(String),
    Text(String),
    List(Vec<Tree>),
    Map(BTreeMap<String, Tree>),
}

impl Tree {
    /// Reads a document. A key that stands there twice says two things.
    ///
    /// # Errors
    /// Why it cannot be read, with line and column where they are known.
    pub(crate) fn read(text: &str, writing: Writing) -> Result<Self, String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match writing {
            Writing::Json => {
                let mut reader = serde_json::Deserializer::from_str(text);
                let tree = Level(LEVELS_MAX).deserialize(&mut reader);
                let tree = tree.map_err(|why| why.to_string())?;
                reader.end().map_err(|why| why.to_string())?;
                Ok(tree)
            }
            Writing::Yaml => {
                let mut options = serde_saphyr::Options::default();
                options.strict_booleans = true;
                options.with_snippet = false;
                let read = serde_saphyr::with_deserializer_from_str_with_options(
                    text,
                    options,
                    |reader| Level(LEVELS_MAX).deserialize(reader),
                );
                read.map_err(|why| why.to_string().lines().next().unwrap_or_default().to_owned())
            }
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.map()?.get(key)
    }

    pub(crate) fn map(&self) -> Option<&BTreeMap<String, Self>> {
        if let Self::Map(map) = self { Some(map) } else { None }
    }

    /// The members of a map; none where it is none.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.map().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
    }

    /// The items of a list; none where it is none.
    pub(crate) fn items(&self) -> &[Self] {
        if let Self::List(items) = self { items } else { &[] }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// A word as it would stand in a path.
    pub(crate) fn word(&self) -> Option<String> {
        match self {
            Self::Text(text) | Self::Number(text) => Some(text.clone()),
            Self::Bool(word) => Some(word.to_string()),
            Self::Null | Self::List(_) | Self::Map(_) => None,
        }
    }
}

/// How many levels may still be inside.
struct Level(u8);

impl Level {
    fn inside<E: Error>(&self) -> Result<u8, E> {
        let what = format_args!("it has more than {LEVELS_MAX} levels");
        self.0.checked_sub(1).ok_or_else(|| E::custom(what))
    }
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Tree;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Tree, E> {
        Ok(Tree::Number(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Tree, E> {
        Ok(Tree::Number(number.to_string()))
    }

    fn visit_i128<E>(self, number: i128) -> Result<Tree, E> {
        Ok(Tree::Number(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Tree, E> {
        Ok(Tree::Number(number.to_string()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Tree, A::Error> {
        let levels = self.inside()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(Level(levels))? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Tree, A::Error> {
        let levels = self.inside()?;
        let mut map = BTreeMap::new();
        while let Some(key) = access.next_key::<String>()? {
            let value = access.next_value_seed(Level(levels))?;
            if map.insert(key.clone(), value).is_some() {
                return Err(A::Error::custom(format_args!("the key `{key}` stands there twice")));
            }
        }
        Ok(Tree::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_writings_say_the_same() {
        let json = Tree::read("{\"a\": {\"200\": [1, -2.5, \"x\", true, null]}}", Writing::Json);
        let yaml = Tree::read(
            "a:\n  200:\n    - 1\n    - -2.5\n    - x\n    - true\n    - null\n",
            Writing::Yaml,
        );
        assert_eq!(json.unwrap(), yaml.unwrap());
        let words = Tree::read("a: yes\nb: \"200\"", Writing::Yaml).unwrap();
        assert_eq!(words.get("a").unwrap().text(), Some("yes"));
    }

    #[test]
    fn what_says_two_things_or_too_much_is_refused() {
        let check = |text: &str, writing: Writing, expect: &str| {
            let why = Tree::read(text, writing).unwrap_err();
            assert!(why.contains(expect), "{why}");
        };
        check("{\"a\": 1, \"a\": 2}", Writing::Json, "twice");
        check("a: 1\na: 2\n", Writing::Yaml, "duplicate");
        check("{\"a\": 1} x", Writing::Json, "line 1");
        check("a: [1\nb: 2\n", Writing::Yaml, "line");
        let deep = format!("{}1{}", "[".repeat(70), "]".repeat(70));
        check(&deep, Writing::Json, "64 levels");
        check(&deep, Writing::Yaml, "");
        check(&format!("{}1", "- ".repeat(100)), Writing::Yaml, "");
        // Ten anchors, each ten times the one before.
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for at in 1..10 {
            let before = at - 1;
            let items = vec![format!("*a{before}"); 10].join(", ");
            bomb.push_str(&format!("a{at}: &a{at} [{items}]\n"));
        }
        check(&bomb, Writing::Yaml, "");
    }
}
