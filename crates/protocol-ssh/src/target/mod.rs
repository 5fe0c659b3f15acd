//! A resource that is reached by SSH: a machine, what policies call it, and the way there.
//!
//! | file | idea |
//! |---|---|
//! | `proof` | how a machine proves what it is |
//! | `reach` | where it is, what opens it, and logging in there |
//! | `wire` | a connection as the library has it |
//! | `line` | a connection as a gateway uses it: what goes there was permitted |

mod line;
mod proof;
mod reach;
mod wire;

pub use proof::HostProof;
pub use reach::{Credential, Reach};

pub(crate) use line::{Line, TargetChannel, TargetWriter};
pub(crate) use wire::{WITHIN_A_LINK, Wire, WireChannel, signal_name, signal_of};

use crate::HOST_KEY;
use crate::certificates::{Label, Subject, TargetAuthority};
use crate::keys::PinnedKeys;
use portreeve_decide::shell::{Machine, Programs};
use portreeve_screen::Screen;
use portreeve_transport::{BoxFuture, DialError, Dialer};
use std::any::Any;
use std::sync::Arc;

/// What a target is made of.
#[derive(Debug)]
pub struct TargetParts {
    /// The resource's name.
    pub name: String,
    /// What policies call the machine.
    pub machine: String,
    /// As whom commands run.
    pub user: String,
    /// Who reaches it.
    pub way: Way,
    /// Where commands begin.
    pub home: String,
    /// Programs that it has beside those that every machine has.
    pub programs: Programs,
    /// What becomes of personal data in texts.
    pub screen: Arc<Screen>,
}

/// Who reaches a machine.
pub enum Way {
    /// The gateway.
    Direct(Arc<dyn Reaches>),
    /// Somebody else, who logs in there and speaks SSH with the gateway in the machine's place.
    Through(Arc<dyn Dialer>),
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Direct(_) => "Direct",
            Self::Through(_) => "Through",
        })
    }
}

/// Who says how a machine is reached, and what opens it, when somebody logs in there.
pub trait Reaches: Send + Sync {
    /// As it is now.
    fn reach(&self) -> BoxFuture<'_, Result<Reached, DialError>>;
}

/// How a machine is reached for one login.
pub struct Reached {
    /// Where it is, and what opens it.
    pub reach: Arc<Reach>,
    /// What is kept as long as that connection: a credential may be somebody's for so long only.
    pub held: Box<dyn Any + Send + Sync>,
}

impl std::fmt::Debug for Reached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reached")
    }
}

/// A resource that is reached by SSH.
#[derive(Debug)]
pub struct Target {
    parts: TargetParts,
}

impl Target {
    /// Puts a target together.
    #[must_use]
    pub fn new(parts: TargetParts) -> Self {
        Self { parts }
    }

    /// The resource's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.parts.name
    }

    pub(crate) fn user(&self) -> &str {
        &self.parts.user
    }

    pub(crate) fn screen(&self) -> &Arc<Screen> {
        &self.parts.screen
    }

    pub(crate) fn machine(&self) -> Machine<'_> {
        Machine {
            host: &self.parts.machine,
            home: &self.parts.home,
            programs: Some(&self.parts.programs),
        }
    }

    /// A connection that is logged in, for somebody.
    pub(crate) async fn dial(
        &self,
        authority: &TargetAuthority,
        subject: Subject<'_>,
    ) -> Result<Line, DialError> {
        let label = Label::of(subject);
        let wire = match &self.parts.way {
            Way::Direct(reaches) => {
                let Reached { reach, held } = reaches.reach().await?;
                let wire = reach.dial(Some(authority), &label).await;
                wire.map(|wire| wire.holding(held))
            }
            Way::Through(dialer) => behind(dialer.as_ref(), &label).await,
        };
        wire.map(Line::new)
    }
}

/// A connection behind somebody else's login: what is at its other end has the key that came with
/// it over the link, and asks for nothing.
async fn behind(dialer: &dyn Dialer, label: &Label) -> Result<Wire, DialError> {
    let logged_in = dialer.dial(&label.settings()).await?;
    let key = logged_in.parameters.iter().find(|(name, _)| name == HOST_KEY);
    let (_, key) = key.ok_or_else(|| DialError::Protocol("it says no key".to_owned()))?;
    let proof = PinnedKeys::read(key).map_err(|error| DialError::Protocol(error.to_string()))?;
    let (stream, unread) = logged_in.connection.into_parts();
    if !unread.is_empty() {
        return Err(DialError::Protocol("it speaks before it is asked".to_owned()));
    }
    Wire::unasked(stream, &HostProof::Keys(proof)).await
}
