//! Messages: cutting, reading, writing.

mod asked;
mod backend;
mod constants;
mod frame;
mod frontend;
pub(crate) mod sqlstate;
mod values;

pub(crate) use asked::{Reading, own_question, own_questions, put_trial, query};
pub use asked::{literal, quoted};
pub(crate) use backend::{
    Refused, error_fields, put_error, put_notice, put_parameter, put_ready, put_refusal,
    put_refused, put_report, put_told, row_description,
};
pub(crate) use constants::plain;
pub(crate) use frame::{
    Frame, FrameError, HEADER_BYTES, close, message_length, next_of, put, put_text, take,
    take_whole_messages,
};
pub(crate) use frontend::{Frontend, FrontendError, read};
pub(crate) use values::{fit, row, value_kind};
