//! The client's end takes releases only.

use portreeve_session::ClientSide;

async fn leak(client: &mut ClientSide, raw: Vec<u8>) {
    let _ = client.send(raw).await; //~ E0308
}

fn main() {
    let _ = leak;
}
