//! What a target may get is not what a client may get.

use portreeve_session::{ClientSide, Permitted};

async fn mix_up(client: &mut ClientSide, permit: Permitted) {
    let _ = client.send(permit).await; //~ E0308
}

fn main() {
    let _ = mix_up;
}
