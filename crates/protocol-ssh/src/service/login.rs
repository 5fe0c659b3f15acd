//! How a client logs in: the name says where it wants to go, the secret is its token, or a
//! certificate that it got for that.

use super::connection::{Asked, Connection};
use super::{Caller, LOGINS_MAX, NAME, ROOM_BYTES, told};
use crate::certificates::fingerprint;
use crate::service::notices::Notices;
use portreeve_model::Secret;
use portreeve_session::{Engine, Identity, NotAdmitted, OpenRequest, ReviewMode};
use russh::Error;
use russh::keys::{Certificate, PublicKey};
use russh::server::{Auth, Response};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::Semaphore;

/// The longest name.
const NAME_BYTES_MAX: usize = 256;

/// What a user name asks for: `resource`, `anybody#resource`, `resource,review=refuse`. Who it is
/// says the token alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Wish<'a> {
    resource: &'a str,
    review_mode: ReviewMode,
}

impl<'a> Wish<'a> {
    pub(super) fn read(user: &'a str) -> Option<Self> {
        let named = user.rsplit_once('#').map_or(user, |(_, named)| named);
        let (resource, option) = named.split_once(',').unwrap_or((named, ""));
        let review_mode = match option {
            "" | "review=wait" => ReviewMode::Wait,
            "review=refuse" => ReviewMode::Refuse,
            _ => return None,
        };
        let is_name = !resource.is_empty() && user.len() <= NAME_BYTES_MAX;
        is_name.then_some(Self { resource, review_mode })
    }
}

impl<W: Send + Sync + 'static> Connection<W> {
    pub(super) async fn password(&mut self, user: &str, token: &str) -> Result<Auth, Error> {
        self.count_login()?;
        Ok(match self.enter(user, token).await {
            Ok(()) => Auth::Accept,
            Err(_) => Auth::reject(),
        })
    }

    /// Asks for the token, and tells a client that is not let in why.
    pub(super) async fn interactive(
        &mut self,
        user: &str,
        response: Option<Response<'_>>,
    ) -> Result<Auth, Error> {
        let answer = response.and_then(|mut answers| answers.next());
        Ok(match (self.asked, answer) {
            (Asked::Token, Some(token)) => {
                self.count_login()?;
                let token = String::from_utf8_lossy(&token).into_owned();
                match self.enter(user, &token).await {
                    Ok(()) => Auth::Accept,
                    Err(why) => {
                        self.asked = Asked::Reason;
                        Auth::Partial {
                            name: Cow::Borrowed(""),
                            instructions: Cow::Owned(why),
                            prompts: Cow::Borrowed(&[]),
                        }
                    }
                }
            }
            (Asked::Reason | Asked::Token, _) => {
                self.asked = Asked::Nothing;
                Auth::reject()
            }
            (Asked::Nothing, _) => {
                self.asked = Asked::Token;
                let prompt = (Cow::Borrowed("Portreeve token: "), false);
                Auth::Partial {
                    name: Cow::Borrowed(""),
                    instructions: Cow::Owned(self.not_told.take().unwrap_or_default()),
                    prompts: Cow::Owned(vec![prompt]),
                }
            }
        })
    }

    /// Whether a client is asked to prove that it has a key. It is for keys that were certified:
    /// a client that has others is not made to use them in vain.
    pub(super) async fn offered(&self, key: &PublicKey) -> Auth {
        match self.ssh.certificates.has_certified(&fingerprint(key)).await {
            true => Auth::Accept,
            false => Auth::reject(),
        }
    }

    /// Lets a client in that has shown a certificate, and has its key.
    pub(super) async fn certified(
        &mut self,
        user: &str,
        certificate: &Certificate,
    ) -> Result<Auth, Error> {
        self.count_login()?;
        Ok(match self.enter_certified(user, certificate).await {
            Ok(()) => Auth::Accept,
            // The method has no words: a client that goes on to the token hears it there.
            Err(why) => {
                self.not_told = Some(why);
                Auth::reject()
            }
        })
    }

    /// The library counts keys that are offered, too, and those are no tries.
    fn count_login(&mut self) -> Result<(), Error> {
        self.logins_count += 1;
        match self.logins_count <= LOGINS_MAX {
            true => Ok(()),
            false => Err(Error::Disconnect),
        }
    }

    /// Lets a client in by its token, or says why not.
    async fn enter(&mut self, user: &str, token: &str) -> Result<(), String> {
        let from = self.client.ip();
        let wish = self.wish(user)?;
        let token = Secret::new(token.trim().to_owned());
        let found = self.ssh.authenticator.authenticate(NAME, wish.resource, &token, from).await;
        self.open(&wish, found.map_err(not_admitted)?).await
    }

    async fn enter_certified(
        &mut self,
        user: &str,
        certificate: &Certificate,
    ) -> Result<(), String> {
        let from = self.client.ip();
        let wish = self.wish(user)?;
        let now = SystemTime::now();
        let found = match self.ssh.authorities.clients.check(certificate, wish.resource, now) {
            Ok(shown) => self.ssh.certificates.redeem(shown, from).await,
            Err(flaw) => Err(self.ssh.certificates.refuse(flaw, from)),
        };
        self.open(&wish, found.map_err(not_admitted)?).await
    }

    fn wish<'u>(&self, user: &'u str) -> Result<Wish<'u>, String> {
        Wish::read(user).ok_or_else(|| {
            let why = "the user name names no resource";
            self.ssh.authenticator.turned_away(NAME, self.client.ip(), why);
            "portreeve: the user name is the resource; hint: ssh RESOURCE@GATEWAY".to_owned()
        })
    }

    /// Opens the session of a client that has proven who it is.
    async fn open(&mut self, wish: &Wish<'_>, identity: Identity) -> Result<(), String> {
        let target = self.ssh.targets.iter().find(|target| target.name() == wish.resource);
        let Some(target) = target.cloned() else {
            let why = "there is no such resource";
            self.ssh.authenticator.turned_away(NAME, self.client.ip(), why);
            return Err(format!("portreeve: there is no resource `{}`", wish.resource));
        };
        let opened = self.ssh.engine.open(OpenRequest {
            id: Engine::new_session_id(),
            chain: identity.chain.clone(),
            resource: target.name().to_owned(),
            protocol: NAME,
            client: self.client,
            application: None,
            tls: "SSH-2.0".to_owned(),
            review_mode: wish.review_mode,
            classify: Arc::new(|_| None),
            expires_at: Some(identity.expires_at),
            notices: Arc::new(Notices),
        });
        let session = opened.await.map_err(|refusal| told(&refusal))?;
        let caller = Arc::new(Caller {
            session,
            target,
            limits: self.ssh.limits.clone(),
            authorities: self.ssh.authorities.clone(),
            identity,
            line: tokio::sync::OnceCell::new(),
            tasks: std::sync::Mutex::default(),
            knife: self.knife.clone(),
            room: [Arc::new(Semaphore::new(ROOM_BYTES)), self.ssh.room.clone()],
        });
        self.entered(caller);
        Ok(())
    }
}

fn not_admitted(why: NotAdmitted) -> String {
    match why {
        NotAdmitted::Invalid(why) => format!("portreeve: {why}"),
        NotAdmitted::TooMany => {
            "portreeve: too many bad tokens from this address; hint: wait a minute".to_owned()
        }
        NotAdmitted::Unavailable => {
            "portreeve: the token cannot be checked now; hint: try again later".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_say_where_to() {
        let check = |user: &str, expect: Option<(&str, ReviewMode)>| {
            let expect = expect.map(|(resource, review_mode)| Wish { resource, review_mode });
            assert_eq!(Wish::read(user), expect, "{user}");
        };
        check("web", Some(("web", ReviewMode::Wait)));
        check("alice#web", Some(("web", ReviewMode::Wait)));
        check("a#b#web,review=refuse", Some(("web", ReviewMode::Refuse)));
        check("web,review=wait", Some(("web", ReviewMode::Wait)));
        for bad in ["", "alice#", "web,review=never", ",", &"x".repeat(300)] {
            check(bad, None);
        }
    }
}
