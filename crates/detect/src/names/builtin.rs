//! The model of names that is built in.

use super::model::Model;
use std::sync::LazyLock;

/// The file of the model, at the beginning of a line of the processor's cache.
#[repr(C, align(64))]
struct File<B: ?Sized>(B);

static FILE: &File<[u8]> = &File(*include_bytes!("../../model/names.bin"));
pub(super) static MODEL: LazyLock<Option<Model<'static>>> = LazyLock::new(|| Model::read(&FILE.0));
