//! Trying a resource as its clients do: what is asked, whose answers are compared, and what is
//! removed afterwards.

mod client;
mod place;
pub(super) mod postgres;
mod tap;

use portreeve_control::Config;
use portreeve_control::config::Via;
use portreeve_model::Secret;
use portreeve_selftest::{Report, Selection};
use portreeve_session::BoxFuture;
use std::path::PathBuf;
use std::sync::Arc;

/// Tries a resource.
pub(super) type Selftest = fn(Trial) -> BoxFuture<'static, anyhow::Result<Report>>;

/// What to try, and as whom.
#[derive(Clone)]
pub(crate) struct Trial {
    pub(crate) config: Arc<Config>,
    pub(crate) resource: String,
    /// Whose sessions they are at the gateway.
    pub(crate) token: Secret<String>,
    /// Where the gateway is, if not where the configuration listens.
    pub(crate) gateway: Option<GatewayPlace>,
    /// Who plants at the target, if not who logs in there for the gateway.
    pub(crate) planter: Option<Planter>,
    pub(crate) selection: Selection,
    /// Columns of the target that are tried.
    pub(crate) columns_max: usize,
    /// What was planted stays.
    pub(crate) keeps: bool,
    /// A seed for what is planted.
    pub(crate) seed: [u8; 32],
    /// Told how many cases are done, and of how many.
    pub(crate) progress: Arc<dyn Fn(usize, usize) + Send + Sync>,
}

/// Where a gateway is reached, encrypted.
#[derive(Clone)]
pub(crate) struct GatewayPlace {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Whom to trust for its certificate; the machine's authorities otherwise.
    pub(crate) authorities: Option<PathBuf>,
}

/// A role at the target that may make schemas.
#[derive(Clone)]
pub(crate) struct Planter {
    pub(crate) role: String,
    pub(crate) password: Secret<String>,
}

/// Tries a resource.
///
/// # Errors
/// It cannot be reached, or its protocol cannot be tried.
pub(crate) async fn selftest(trial: Trial) -> anyhow::Result<Report> {
    let resource = super::resources::resource(&trial.config, &trial.resource)?;
    let known = super::protocols::named(resource.protocol);
    let selftest = known.and_then(|protocol| protocol.selftest).ok_or_else(|| {
        anyhow::anyhow!(
            "`{}` speaks {}, for which there is no self-test\n\
             hint: its cases are in corpus/bypass, and the tests beside them show how to ask",
            trial.resource,
            resource.protocol
        )
    })?;
    anyhow::ensure!(
        resource.via == Via::Gateway,
        "`{}` is reached through a connector, and this command asks the target itself as well\n\
         hint: run it in the connector's network with a configuration that has the credential, \
         and say with `--gateway` where the gateway is",
        trial.resource
    );
    selftest(trial).await
}
