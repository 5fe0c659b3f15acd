//! The API as one of the listeners.

use super::listeners::Service;
use super::places::Place;
use portreeve_control::api::ApiService;
use portreeve_session::BoxFuture;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;

/// The API's name in the configuration.
pub(super) const NAME: &str = "api";

/// Serves the API.
pub(super) struct Api(pub(super) ApiService);

impl Service for Api {
    fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        client: SocketAddr,
        place: Place,
    ) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            self.0.serve(stream, client.ip()).await;
            // A connection of the API waits as long as it is open.
            drop(place);
        })
    }
}
