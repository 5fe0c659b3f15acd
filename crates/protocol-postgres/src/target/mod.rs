//! The target's side: reaching it, logging in, reading its catalog.

mod answers;
mod catalog;
mod counting;
mod dial;
mod fence;
mod inside;
mod inspect;
mod rules;
mod said;
mod types;
mod upstream;
mod versions;
mod views;

pub(crate) use answers::set;
pub(crate) use catalog::session_settings;
pub(crate) use counting::{RowCap, RowQuestion, rounded_up};
pub(crate) use dial::BEGINS_WITH;
pub use dial::{Account, PostgresDialer, offers_tls};
pub(crate) use fence::{FenceLine, PlanFence};
pub(crate) use inside::{REDEFINED, forget_inside, inside_questions};
pub use inspect::{FoundColumn, FoundTable, Inspection};
pub use rules::{ColumnName, ColumnRules};
pub use upstream::{Upstream, UpstreamConfig};
