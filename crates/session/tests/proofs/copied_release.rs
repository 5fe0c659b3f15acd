//! A release passes once: it cannot be copied and kept.

use portreeve_session::Released;

fn keep(release: Released) -> Released {
    let _ = release.clone(); //~ E0599
    release
}

fn main() {
    let _ = keep;
}
