//! What every SQL protocol shares (floor 3): no wire, no dialect, no engine.
//!
//! A protocol keeps a [`CatalogStore`] for each resource and a [`Planner`] for each session.
//! The planner turns texts into [`Plan`]s: what a statement does, and how each column of its
//! result looks to this client. The dialect is a [`Grammar`](portreeve_decide::sql::Grammar).
//!
//! | file | idea |
//! |---|---|
//! | `catalog` | a target's catalog as last read, and how old it may be |
//! | `shape`, `analyses` | what texts do, remembered by their shape |
//! | `planner`, `plan` | what this session may see of a result |
//! | `masks` | masking the values of a row |
//! | `shown` | masks that somebody has been shown |
//! | `names` | prepared statements, portals and cursors |
//! | `definitions` | what an open transaction has changed of the catalog |
//! | `subjects` | whom the rows of a result are about |

mod analyses;
mod catalog;
mod definitions;
mod masks;
mod names;
mod plan;
mod planner;
mod shape;
mod shown;
mod subjects;

pub use analyses::{Analyses, Analysis, unknown};
pub use catalog::{
    CatalogRead, CatalogSnapshot, CatalogSource, CatalogStore, Classification, ColumnType,
    ColumnTypes, MadeType, MadeTypes, Nulls, SessionSettings, Versions,
};
pub use masks::{FieldMask, Fit, RowCounts, RowMasks, TypeUse};
pub use names::{
    Change, Definition, Ended, NAMES_MAX, Names, Overlay, PlannedPortal, Portal, PortalEntry,
    Prepared, PreparedEntry, parameter_bytes,
};
pub use plan::{ColumnMask, MaskShape, Plan, PlannedOutput, ResultColumn, Texts};
pub use planner::{PlanForOthers, Planner, Plans, Reveals, ToldPath, UnknownNames};
pub use shown::ShownMasks;
pub use subjects::{ComparedValue, GivenValue, PlannedTable, SubjectColumns};
