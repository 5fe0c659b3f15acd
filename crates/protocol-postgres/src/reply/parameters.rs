//! Settings and keys that the client is told.

use crate::look::{MessageLook, Screening};
use crate::wire::{put, put_parameter, put_ready};
use portreeve_decide::mask::Masker;
use portreeve_screen::Masking;
use portreeve_session::{Masked, Reply, Unmaskable};
use std::borrow::Cow;

/// What a client gets once it is let in: authentication is done; the target's settings;
/// the gateway's own cancel key; ready.
#[derive(Debug)]
pub(crate) struct Greeting {
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) process: u32,
    pub(crate) key: Vec<u8>,
    pub(crate) screening: Screening,
}

impl Reply for Greeting {
    /// Nothing has run yet that could put a value of the target's data into a setting: they
    /// are those of the role and the database. They are looked through.
    fn mask(self, masker: &Masker) -> Result<Masked, Unmaskable> {
        let mut out = Vec::new();
        let masking = Masking { masker, reveals: &|_, _| false };
        let mut look = MessageLook { screen: self.screening.message("setting"), masking };
        put(&mut out, b'R', |out| out.extend_from_slice(&0_u32.to_be_bytes()));
        for (name, value) in &self.parameters {
            let is_free = is_free_parameter(name);
            let shown = if is_free { look.text(value) } else { Cow::Borrowed(value.as_str()) };
            put_parameter(&mut out, name, &shown);
        }
        put(&mut out, b'K', |out| {
            out.extend_from_slice(&self.process.to_be_bytes());
            out.extend_from_slice(&self.key);
        });
        put_ready(&mut out, b'I');
        let mut masked = Masked { bytes: out.into(), ..Masked::default() };
        look.finish(&mut masked.detected);
        Ok(masked)
    }
}

/// Settings that anybody gives any value. Those of PostgreSQL itself have values of its own.
pub(super) fn is_free_parameter(name: &str) -> bool {
    !matches!(
        name,
        "DateStyle"
            | "IntervalStyle"
            | "TimeZone"
            | "client_encoding"
            | "default_transaction_read_only"
            | "in_hot_standby"
            | "integer_datetimes"
            | "is_superuser"
            | "scram_iterations"
            | "search_path"
            | "server_encoding"
            | "server_version"
            | "standard_conforming_strings"
    )
}

/// Settings whose values come from a short list or have a strict form.
pub(super) fn is_plain_parameter(name: &str, value: &str) -> bool {
    match name {
        "client_encoding" | "server_encoding" => value == "UTF8",
        "DateStyle" | "IntervalStyle" => {
            value.len() <= 20
                && value.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b',' | b' ' | b'_'))
        }
        "default_transaction_read_only"
        | "in_hot_standby"
        | "integer_datetimes"
        | "is_superuser"
        | "standard_conforming_strings" => matches!(value, "on" | "off"),
        _ => false,
    }
}
