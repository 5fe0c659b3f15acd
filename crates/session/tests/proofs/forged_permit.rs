//! A permit cannot be made outside the engine: its fields are private.

use portreeve_session::Permitted;

fn forge(raw: Vec<u8>) {
    let _ = Permitted { wire: raw.into() }; //~ E0451
}

fn main() {
    forge(b"DROP TABLE customers".to_vec());
}
