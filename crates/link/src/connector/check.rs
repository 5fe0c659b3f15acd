//! Asks a gateway whether it would take this connector in, beside a link that is there.

use super::link::LOGIN_TIMEOUT;
use super::state::State;
use crate::carrier::Carrier;
use crate::message::{self, FromConnector, FromGateway, VERSIONS};
use crate::mux::{self, Side};
use crate::tls;
use std::io;
use tokio::time::timeout;

/// Which of these resources a gateway would not have from this connector: it was not invited for
/// them.
///
/// # Errors
/// The gateway is not reached, or would not take it in; why, for an operator.
pub async fn check_link(
    state: &State,
    carrier: &Carrier,
    gateway: &str,
    resources: Vec<String>,
) -> Result<Vec<String>, String> {
    let stream = carrier.connect(gateway).await.map_err(|error| error.to_string())?;
    let own = Some((&**state.key(), state.certificate()));
    let config = tls::client(state.authority(), own).map_err(|error| error.to_string())?;
    let asked = async {
        let stream = tls::connect(stream, config).await?;
        let (mux, _arrived, driver) = mux::over(stream, Side::Connector);
        let said = async {
            let mut control = mux.open().await?;
            let check = FromConnector::Check { versions: VERSIONS.to_vec(), resources };
            message::write(&mut control, &check).await?;
            message::read(&mut control).await
        };
        tokio::select! {
            why = driver.run() => Err(io::Error::other(why)),
            said = said => said,
        }
    };
    match timeout(LOGIN_TIMEOUT, asked).await {
        Ok(Ok(FromGateway::Welcome { refused, .. })) => Ok(refused),
        Ok(Ok(FromGateway::Refused { why, .. })) => Err(why),
        Ok(Ok(FromGateway::Certificate { .. } | FromGateway::Ping { .. })) => {
            Err("it says something else".to_owned())
        }
        Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Err(format!(
            "{}; hint: an older gateway cannot be asked: start the connector, and look at \
             `portreeve connectors ls`",
            state.explained(&error)
        )),
        Ok(Err(error)) => Err(state.explained(&error)),
        Err(_) => Err("it does not answer in time".to_owned()),
    }
}
