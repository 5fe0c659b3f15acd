//! The target's end takes permits only.

use portreeve_session::TargetSide;

fn smuggle(target: &mut TargetSide, raw: Vec<u8>) {
    target.send(raw); //~ E0308
}

fn main() {
    let _ = smuggle;
}
