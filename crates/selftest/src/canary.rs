//! People who do not exist, other ones in every run.

/// Who they are: made of a seed, so that a run has its own and a test has the same again.
#[derive(Clone)]
pub struct Canaries {
    people: Vec<Person>,
}

/// One of them, with a value of each category that the planted tables have.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// A first and a last name.
    pub name: String,
    /// An address at a domain that nobody can have.
    pub email: String,
    /// A telephone number, with its country.
    pub phone: String,
    /// A number in the form of a US social security number.
    pub national_id: String,
    /// A day of birth, `YYYY-MM-DD`.
    pub birth_date: String,
    /// An account with the right check digits.
    pub iban: String,
}

const PEOPLE: usize = 3;
/// Bytes of the seed that one person is made of.
const SEED_BYTES: usize = 10;

const FIRST: [&str; 16] = [
    "Anneliese",
    "Benedikt",
    "Christina",
    "Dominique",
    "Elisabeth",
    "Ferdinand",
    "Gabriele",
    "Hannelore",
    "Isabella",
    "Johannes",
    "Katharina",
    "Leonardo",
    "Margarete",
    "Nathaniel",
    "Ottilie",
    "Sebastian",
];
const LAST: [&str; 16] = [
    "Andersson",
    "Bergmann",
    "Christensen",
    "Dietrich",
    "Eichhorn",
    "Friedrich",
    "Gonzalez",
    "Hoffmann",
    "Johansson",
    "Kowalski",
    "Lindgren",
    "Martinez",
    "Neumann",
    "Petersen",
    "Schneider",
    "Zimmermann",
];

impl Canaries {
    /// Makes them of random bytes.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        let people = seed.chunks_exact(SEED_BYTES).take(PEOPLE).zip(0..).map(person);
        Self { people: people.collect() }
    }

    /// Who they are.
    #[must_use]
    pub fn people(&self) -> &[Person] {
        &self.people
    }

    /// What may show nowhere, with what each is called.
    pub fn values(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.people.iter().flat_map(|person| {
            let local = person.email.split('@').next().unwrap_or_default().to_owned();
            let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
            [
                ("name", person.name.clone()),
                ("email", local),
                ("phone", person.phone.clone()),
                ("phone", digits(&person.phone)),
                ("national-id", person.national_id.clone()),
                ("national-id", digits(&person.national_id)),
                ("birth-date", person.birth_date.clone()),
                ("iban", person.iban.clone()),
            ]
        })
    }
}

fn person((seed, index): (&[u8], usize)) -> Person {
    let at = |place: usize| usize::from(seed.get(place).copied().unwrap_or_default());
    let number = |from: usize, count: usize| {
        (from..from + count).fold(0_u64, |sum, place| sum * 256 + at(place) as u64)
    };
    let pick = |names: &[&'static str; 16], place: usize| {
        // No two people of a run have the same name.
        names.get((at(place) + index * 5) % names.len()).copied().unwrap_or_default()
    };
    let account = format!("{:018}", 370_400_440_000_000_000 + number(2, 5) % 1_000_000_000_000);
    Person {
        name: format!("{} {}", pick(&FIRST, 0), pick(&LAST, 1)),
        email: format!("kx{:012x}@selftest.example", number(2, 6)),
        phone: format!("+49 151 {:08}", number(4, 4) % 100_000_000),
        national_id: format!(
            "{:03}-{:02}-{:04}",
            100 + number(6, 2) % 500,
            10 + number(5, 1) % 80,
            1000 + number(8, 2) % 8999
        ),
        birth_date: format!(
            "{}-{:02}-{:02}",
            1931 + number(7, 1) % 69,
            1 + number(8, 1) % 12,
            1 + number(9, 1) % 28
        ),
        iban: format!("DE{:02}{account}", check_digits(&account)),
    }
}

/// SPEC: ISO 13616: 98 less the remainder by 97 of the account, the country as numbers, and 00.
fn check_digits(account: &str) -> u64 {
    let digits = format!("{account}131400");
    let rest = digits.bytes().fold(0_u64, |rest, digit| (rest * 10 + u64::from(digit - b'0')) % 97);
    98 - rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_have_the_right_check_digits() {
        // The example of the registry: DE89 3704 0044 0532 0130 00.
        assert_eq!(check_digits("370400440532013000"), 89);
    }

    #[test]
    fn a_run_has_people_of_its_own() {
        let (one, two) = (Canaries::new([1; 32]), Canaries::new([2; 32]));
        assert_eq!(one.people().len(), PEOPLE);
        assert!(one.people().iter().all(|person| !two.people().contains(person)));
        assert!(one.people()[0].name != one.people()[1].name);
        assert!(one.values().all(|(_, value)| value.len() >= 7));
    }
}
