//! What words can announce, as a set of bits.

/// A set of announced kinds, as bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Topics(u32);

impl Topics {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const PHONE: Self = Self(1);
    pub(crate) const NATIONAL: Self = Self(1 << 1);
    pub(crate) const TAX: Self = Self(1 << 2);
    pub(crate) const HEALTH: Self = Self(1 << 3);
    pub(crate) const PASSPORT: Self = Self(1 << 4);
    pub(crate) const DRIVER: Self = Self(1 << 5);
    pub(crate) const BANK: Self = Self(1 << 6);
    pub(crate) const CARD: Self = Self(1 << 7);
    pub(crate) const BIRTH: Self = Self(1 << 8);
    pub(crate) const PLATE: Self = Self(1 << 9);
    pub(crate) const POSTAL: Self = Self(1 << 10);
    pub(crate) const SECRET: Self = Self(1 << 11);
    pub(crate) const USER: Self = Self(1 << 12);
    pub(crate) const AGE: Self = Self(1 << 13);
    pub(crate) const GEO: Self = Self(1 << 14);
    pub(crate) const STREET: Self = Self(1 << 15);
    pub(crate) const OTHER: Self = Self(1 << 16);
    pub(crate) const NAME: Self = Self(1 << 17);
    pub(crate) const DEVICE: Self = Self(1 << 18);
    pub(crate) const COMPANY: Self = Self(1 << 19);
    pub(crate) const GENDER: Self = Self(1 << 20);
    /// An identifier of any kind.
    pub(crate) const ANY: Self = Self(1 << 22);
    /// Something that is counted or ordered, not a person's number.
    pub(crate) const THING: Self = Self(1 << 21);
    /// A version of a program: four numbers with points between them are one.
    pub(crate) const VERSION: Self = Self(1 << 23);

    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) const fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether something of the other topics is announced, and nothing of the first ones.
    pub(crate) const fn is_other_than(self, first: Self, other: Self) -> bool {
        !self.any(first) && self.any(other)
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}
