//! Another configuration for a gateway that runs: what it takes over at once, and what
//! waits for a restart. Open sessions stay.

use super::listeners::Listening;
use super::protocols::Commit;
use super::{
    Gateway, api_bounds, descriptors, engine_limits, load_policies, login_bounds, manifests,
};
use anyhow::{Context, anyhow, ensure};
use portreeve_control::{Config, config};
use portreeve_decide::policy::Policies;
use portreeve_model::{Administrator, Event, PolicyVersion};
use std::path::Path;
use std::sync::Arc;

/// What came of it.
pub(crate) struct Reloaded {
    /// The policies in force.
    pub(crate) version: PolicyVersion,
    /// Keys that have changed and take a restart.
    pub(crate) waiting: Vec<&'static str>,
}

impl Gateway {
    /// Reads the configuration again: policies, certificates, resources with their secrets,
    /// and limits hold for what comes. All of it, or nothing.
    pub(crate) async fn reload(&self, file: &Path) -> anyhow::Result<Reloaded> {
        let read = self.read(file);
        // Who may signal the process is its own user or root; nobody says which.
        let by = Administrator::Gateway;
        let refused = read.as_ref().err().map(|error| format!("{error:#}"));
        let asked = self.core.engine.evidence().append(Event::ReloadAsked { refused, by });
        asked.durable().await.map_err(|sealed| anyhow!("evidence: {sealed}"))?;
        let (config, policies, commits) = read?;
        let version = policies.version().clone();
        self.core.engine.adopt(policies).await.map_err(|sealed| anyhow!("evidence: {sealed}"))?;
        self.core.authenticator.identities().adopt(&config);
        // Labels before what counts with them.
        self.core.metrics.adopt(&config);
        for commit in commits {
            commit();
        }
        let capacity = descriptors::capacity(&config, self.capacity.available);
        self.core.engine.limit(engine_limits(&config, &capacity));
        Ok(Reloaded { version, waiting: waiting(&self.started, &config) })
    }

    fn read(&self, file: &Path) -> anyhow::Result<(Config, Arc<Policies>, Vec<Commit>)> {
        let config = config::load(file, &manifests())?;
        let policies = Arc::new(load_policies(&config)?);
        let commits = self.prepare(&config)?;
        Ok((config, policies, commits))
    }

    /// Everything that can fail.
    fn prepare(&self, config: &Config) -> anyhow::Result<Vec<Commit>> {
        let has_subjects =
            |config: &Config| config.resources.values().any(|it| !it.subjects.is_empty());
        ensure!(
            has_subjects(&self.started) || !has_subjects(config),
            "the first `subjects` of a gateway take a restart"
        );
        let mut commits = Vec::new();
        for (name, certificate) in &self.certificates {
            let (_, listener) = config
                .listen
                .all()
                .find(|(known, _)| known == name)
                .with_context(|| format!("to stop listening for `{name}` takes a restart"))?;
            commits.push(certificate.clone().prepare(listener, &self.loopback)?);
        }
        for running in self.protocols.values() {
            commits.push(running.clone().prepare(config)?);
        }
        let capacity = descriptors::capacity(config, self.capacity.available);
        for listening in &self.listeners {
            commits.extend(adopt(listening, config, &capacity));
        }
        Ok(commits)
    }
}

fn adopt(
    listening: &Arc<Listening>,
    config: &Config,
    capacity: &descriptors::Capacity,
) -> Option<Commit> {
    let name = listening.state.name;
    let listener = config.listen.all().find(|(known, _)| *known == name)?.1.clone();
    let bounds =
        if name == super::api::NAME { api_bounds() } else { login_bounds(config, capacity) };
    let listening = listening.clone();
    Some(Box::new(move || listening.adopt(&listener, bounds)))
}

/// The keys that differ between what a gateway was started with and what it was given, and
/// that it does not follow.
fn waiting(started: &Config, given: &Config) -> Vec<&'static str> {
    let (old, new) = (&started.limits, &given.limits);
    let addresses = |config: &Config| {
        let listeners = config.listen.all();
        listeners.map(|(name, it)| (name, it.addresses.clone())).collect::<Vec<_>>()
    };
    let debug = |value: &dyn std::fmt::Debug| format!("{value:?}");
    let api_tls = |config: &Config| config.listen.api.tls.is_some();
    [
        ("data_dir", started.data_dir != given.data_dir),
        ("listen", addresses(started) != addresses(given)),
        ("listen.api.tls", api_tls(started) != api_tls(given)),
        ("issuers", debug(&started.issuers) != debug(&given.issuers)),
        ("masking", started.masking != given.masking),
        ("evidence", debug(&started.evidence) != debug(&given.evidence)),
        ("limits.groups_max", old.groups_max != new.groups_max),
        ("limits.auth_failures_max", old.auth_failures_max != new.auth_failures_max),
        ("limits.auth_refusal_time", old.auth_refusal_time != new.auth_refusal_time),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}
