//! What a request is decided by is made by its session: nobody moves its hour, or its policies.

use portreeve_session::Snapshot;

fn move_hour(snapshot: Snapshot) {
    let _ = Snapshot { hour: 0, ..snapshot }; //~ E0451
}

fn main() {
    let _ = move_hour;
}
