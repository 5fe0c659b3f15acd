//! How many values a request compares a field with: as in SQL, each counts.
//!
//! Services read lists in many writings, and each has a language of its own. What could be several
//! values counts as so many: who asks for one is not held up by that.

/// A value of more words is a list of them.
const VALUE_WORDS_MAX: usize = 8;

/// Words of expressions that are no values: operators, connectives, directions.
const OPERATORS: [&str; 57] = [
    "and",
    "any",
    "asc",
    "ascending",
    "between",
    "by",
    "contains",
    "cs",
    "cd",
    "desc",
    "descending",
    "endswith",
    "eq",
    "equals",
    "exact",
    "exists",
    "fts",
    "ge",
    "gt",
    "gte",
    "has",
    "icontains",
    "iexact",
    "ilike",
    "imatch",
    "in",
    "includes",
    "is",
    "iregex",
    "isnull",
    "istartswith",
    "le",
    "like",
    "lt",
    "lte",
    "match",
    "missing",
    "ne",
    "neq",
    "nin",
    "not",
    "null",
    "nulls",
    "nullsfirst",
    "nullslast",
    "of",
    "or",
    "order",
    "ov",
    "regex",
    "select",
    "sort",
    "startswith",
    "term",
    "terms",
    "tolower",
    "where",
];

/// Parameters that say in which order, or what of the answer: a list of names, and no comparison.
const ORDERS: [&str; 13] = [
    "by", "columns", "expand", "fields", "group", "groupby", "include", "order", "orderby",
    "ordering", "select", "sort", "sortby",
];

/// How many values the value of a parameter or an argument could be.
pub(crate) fn values(text: &str) -> u64 {
    let is_divider = |c: char| matches!(c, ',' | ';' | '|' | '\n' | '\t');
    let listed = text.split(is_divider).filter(|item| item.contains(char::is_alphanumeric)).count();
    let (mut words, mut connectives) = (0, 0);
    for word in text.split_whitespace() {
        words += 1;
        connectives += usize::from(word.eq_ignore_ascii_case("or"));
    }
    let spoken = if words > VALUE_WORDS_MAX { words } else { connectives + 1 };
    as_count(listed.max(spoken))
}

/// How many values an expression compares with the fields that are asked for. One that only names
/// them (`sort=-salary,name`) compares none.
pub(crate) fn comparisons(name: &str, text: &str, is_asked: impl Fn(&str) -> bool) -> u64 {
    if is_order(name, text) {
        return 0;
    }
    let (mut compared, mut values) = (0, 0);
    let (mut is_named, mut names_one) = (false, false);
    for word in words(text) {
        match word {
            Word::Quoted => values += usize::from(is_named),
            Word::Connective => is_named = false,
            Word::Name(word) if is_asked(word) => {
                compared += values;
                (values, is_named, names_one) = (0, true, true);
            }
            Word::Name(word) => {
                let is_operator = OPERATORS.iter().any(|it| word.eq_ignore_ascii_case(it));
                values += usize::from(is_named && !is_operator);
            }
        }
    }
    compared += values;
    match names_one {
        true => as_count(compared),
        // It is named in a way that has no words: all of them could be values.
        false => as_count(words(text).count()),
    }
}

fn as_count(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn is_order(name: &str, text: &str) -> bool {
    const SIGNS: [char; 11] = ['=', '<', '>', '\'', '"', '(', '!', '~', '*', '`', '{'];
    let name: String = name.chars().filter(|c| c.is_alphanumeric()).collect();
    let is_named = ORDERS.iter().any(|it| name.eq_ignore_ascii_case(it));
    // `city:desc` is an order, `city:Bern` and `city.eq.Bern` are none.
    let lower = text.to_lowercase();
    let is_direction = |behind: &str| behind.starts_with("asc") || behind.starts_with("desc");
    let is_compared = |word: &str| ["eq", "in", "is", "like"].contains(&word);
    is_named
        && !text.contains(SIGNS)
        && lower.split(':').skip(1).all(is_direction)
        && !lower.split('.').any(is_compared)
}

enum Word<'t> {
    Name(&'t str),
    /// A text in quotes, of whatever words.
    Quoted,
    /// Behind it something else may be compared.
    Connective,
}

fn words(text: &str) -> impl Iterator<Item = Word<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        rest = rest.trim_start_matches(|c: char| !is_part(c) && !matches!(c, '\'' | '"'));
        let quote = rest.chars().next()?;
        if matches!(quote, '\'' | '"') {
            let inner = rest.get(1..)?;
            let Some((quoted, behind)) = inner.split_once(quote) else {
                rest = inner;
                return Some(Word::Quoted);
            };
            rest = behind;
            // A name may stand in quotes, too: `{"city": "Bern"}`.
            let is_word = quote == '"' && !quoted.is_empty() && quoted.chars().all(is_part);
            return Some(if is_word { Word::Name(quoted) } else { Word::Quoted });
        }
        let end = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        rest = behind;
        let is_connective = ["and", "or"].iter().any(|it| word.eq_ignore_ascii_case(it));
        Some(if is_connective { Word::Connective } else { Word::Name(word) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_of_a_list_counts() {
        let check = |text: &str, expect: u64| assert_eq!(values(text), expect, "{text}");
        check("", 1);
        check("Bern", 1);
        check("New York", 1);
        check("Bern,Basel", 2);
        check(r#"["Bern","Basel","Chur"]"#, 3);
        check("Bern|Basel", 2);
        check("in.(a,b,c)", 3);
        check("Bern or Basel OR Chur", 3);
        check("a b c d e f g h i", 9);
    }

    #[test]
    fn each_comparison_of_an_expression_counts() {
        let check = |name: &str, text: &str, expect: u64| {
            assert_eq!(comparisons(name, text, |word| word == "city"), expect, "{name}={text}");
        };
        check("sort", "-city", 0);
        check("order", "city.desc,name.asc", 0);
        check("orderBy", "city:asc", 0);
        check("by", "city:Bern", 1);
        check("by", "city.eq.Bern", 1);
        check("q", "city", 0);
        check("or", "(city.eq.Bern,city.eq.Basel)", 2);
        check("or", "(city.in.(Bern,Basel),name.eq.x)", 4);
        check("$filter", "city eq 'St. Gallen' or city eq 'Bern'", 2);
        check("$filter", "name eq 'x' and city eq 'Bern' and age gt 3", 1);
        check("$filter", "city in ('a b','c','d')", 3);
        check("q", "city:Bern city:Basel", 2);
        check("q", "city:(Bern Basel Chur)", 3);
        check("where", r#"{"city":{"in":["Bern","Basel"]}}"#, 2);
        check("sort", "case when city='Bern' then 1 end", 4);
        check("q", "byCity(Bern)", 2);
    }
}
