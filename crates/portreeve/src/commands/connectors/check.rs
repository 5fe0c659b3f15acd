//! `portreeve connector check`: whether targets let a connector in, and gateways would take it in.

use super::super::options::run_async;
use super::super::output::{Format, print, print_json};
use crate::wiring::served_targets;
use portreeve_control::config::ConnectorConfig;
use portreeve_link::Carrier;
use portreeve_link::connector::{ServedTarget, State, check_link};
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::timeout;

/// What was found.
struct Found {
    /// As whom it is enrolled, or why it is not.
    enrolled: Result<String, String>,
    /// By gateway: the resources that it has not invited the connector for, or why it would not
    /// take it in.
    gateways: Vec<(String, Result<Vec<String>, String>)>,
    /// By resource: why its target cannot be used, if it cannot.
    targets: Vec<(String, Option<String>)>,
}

pub(super) fn run(config: &ConnectorConfig, format: Format) -> anyhow::Result<ExitCode> {
    let served = served_targets(config)?;
    let state = State::open(&config.state_dir);
    let names: Vec<String> = served.keys().cloned().collect();
    let (gateways, targets) = run_async(async {
        let mut targets = Vec::new();
        for (name, target) in &served {
            let why = let_in(target, config.limits.target_connect_timeout).await;
            targets.push((name.clone(), why));
        }
        let mut gateways = Vec::new();
        if let Ok(state) = &state {
            let carrier = Carrier { proxy: config.proxy.clone() };
            for gateway in &config.gateways {
                let asked = check_link(state, &carrier, gateway, names.clone()).await;
                gateways.push((gateway.clone(), asked));
            }
        }
        (gateways, targets)
    })?;
    let enrolled = state.map(|state| state.name().to_owned()).map_err(|error| error.to_string());
    let found = Found { enrolled, gateways, targets };
    match format {
        Format::Json => print_json(&found.json())?,
        Format::Text => print(&found.lines().join("\n"))?,
    }
    Ok(if found.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Why a target does not let the connector in, if it does not.
async fn let_in(target: &ServedTarget, time_max: Duration) -> Option<String> {
    match timeout(time_max, target.dialer.check()).await {
        Ok(checked) => checked.err().map(|error| error.to_string()),
        Err(_) => Some("it did not answer in time".to_owned()),
    }
}

impl Found {
    fn is_good(&self) -> bool {
        self.enrolled.is_ok()
            && self.gateways.iter().all(|(_, asked)| asked.as_ref().is_ok_and(Vec::is_empty))
            && self.targets.iter().all(|(_, why)| why.is_none())
    }

    fn json(&self) -> Value {
        let gateways = self.gateways.iter().map(|(gateway, asked)| {
            json!({
                "gateway": gateway,
                "error": asked.as_ref().err(),
                "not_invited_for": asked.as_ref().ok(),
            })
        });
        let targets =
            self.targets.iter().map(|(name, why)| json!({"resource": name, "error": why}));
        json!({
            "ok": self.is_good(),
            "enrolled": self.enrolled.as_ref().ok(),
            "gateways": gateways.collect::<Vec<_>>(),
            "targets": targets.collect::<Vec<_>>(),
        })
    }

    fn lines(&self) -> Vec<String> {
        let first = match &self.enrolled {
            Ok(name) => format!("enrolled as `{name}`"),
            Err(why) => why.clone(),
        };
        let gateways = self.gateways.iter().map(|(gateway, asked)| match asked {
            Ok(refused) if refused.is_empty() => format!("gateway `{gateway}` takes it in"),
            Ok(refused) => format!(
                "gateway `{gateway}` has not invited it for `{}`; hint: `portreeve connectors \
                 invite --replace` there, and enrol anew",
                refused.join("`, `")
            ),
            Err(why) => format!("gateway `{gateway}` does not take it in: {why}"),
        });
        let targets = self.targets.iter().map(|(name, why)| match why {
            None => format!("`{name}` can be reached, and lets it in"),
            Some(why) => format!("`{name}` cannot be used: {why}"),
        });
        std::iter::once(first).chain(gateways).chain(targets).collect()
    }
}
