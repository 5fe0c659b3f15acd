//! A release cannot be made outside the engine: its fields are private.

use portreeve_session::Released;

fn forge(raw: Vec<u8>) {
    let _ = Released { bytes: raw.into() }; //~ E0451
}

fn main() {
    forge(Vec::new());
}
