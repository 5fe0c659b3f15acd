//! The vocabulary of Portreeve as plain data (floor 0).
//!
//! Every other crate speaks in these types. There is no behaviour here beyond
//! construction, display and small pure questions; no clock, no randomness, no I/O.
//! The words are those of `docs/GLOSSARY.md`.

mod action;
mod administration;
mod category;
mod chain;
mod command;
mod connector;
mod content;
mod custody;
mod decision;
pub mod defaults;
mod ids;
mod kind;
mod manifest;
mod pattern;
mod record;
mod secret;
mod usage;

pub use action::Action;
pub use administration::{AccountChange, Administrator, Attestation, KeyUse, TokenOrigin};
pub use category::{Category, MaskMethod, MaskRule, SubjectColumn, UNKNOWN, Unclassified};
pub use chain::{Chain, Party, PartyKind, Strength};
pub use command::{Change, Command, Effect, Facts, Need, Object};
pub use connector::{ConnectorChange, ConnectorEvent, LinkStream};
pub use content::{
    APPROVAL_FORMAT, ApprovalContent, ApprovedStatement, ContentField, Examples, Parameter,
    ParameterFormat, ParameterValue, Quoting, RequestContent, Upload, differences,
};
pub use custody::{Custodian, Held, Predecessor, Pruned};
pub use decision::{Decision, Reason, Refusal, RefusalCode, Verdict};
pub use ids::{Digest, HoldId, PolicyVersion, RequestId, ReviewId, RuleId, SessionId};
pub use kind::{Case, Family, KindRow, ObjectKind};
pub use manifest::{ClientCommand, ClientPlaces, Encryption, Manifest, Setting, SettingKind};
pub use pattern::holds_pieces;
pub use record::{
    CommandRecord, Detected, Direction, Event, ObjectUsage, Outcome, PayloadRef, Record, Revealed,
    RevealedBy, ReviewOutcome, SubjectCount,
};
pub use secret::Secret;
pub use usage::{Counter, Scope, Unit, Usage};
