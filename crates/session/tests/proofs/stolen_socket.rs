//! A socket cannot be taken out of its end.

use portreeve_session::ClientSide;

fn steal(client: ClientSide) {
    let _ = client.writer; //~ E0616
}

fn main() {
    let _ = steal;
}
