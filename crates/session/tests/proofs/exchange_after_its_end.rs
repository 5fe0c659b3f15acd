//! An exchange ends once: nothing is released in it afterwards.

use portreeve_session::Exchange;

fn end(exchange: Exchange) {
    exchange.close();
    exchange.close(); //~ E0382
}

fn main() {
    let _ = end;
}
