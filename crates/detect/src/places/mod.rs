//! Streets, house numbers and postal codes: addresses, found from their numbers.

pub(crate) mod address;
pub(crate) mod counts;
pub(crate) mod postal;
mod streets;
