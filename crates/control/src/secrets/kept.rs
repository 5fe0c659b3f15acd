//! What a store has given, for a while.

use super::lease::Lease;
use super::local::SecretError;
use portreeve_model::Secret;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

/// What somebody logs in with.
#[derive(Clone, Debug)]
pub struct Login {
    /// As whom, where the store says it.
    pub user: Option<String>,
    /// The secret.
    pub secret: Secret<String>,
    /// Until when it is this process's, where it was made for it.
    pub lease: Option<Arc<Lease>>,
}

/// What is asked of a store of secrets, and what it has given. Equal where the same is asked;
/// clones share what was given.
#[derive(Clone)]
pub struct Kept<S> {
    asked: Arc<S>,
    given: Arc<Mutex<Option<Given>>>,
}

/// What a store has given.
pub(super) struct Given {
    login: Login,
    /// It is asked again behind that.
    until: Instant,
    /// Where it was made for this process, it is as long as somebody uses it.
    lease: Option<Weak<Lease>>,
}

impl Given {
    pub(super) fn new(login: Login, until: Instant) -> Self {
        let lease = login.lease.as_ref().map(Arc::downgrade);
        Self { login, until, lease }
    }

    /// What it is, if it still is.
    fn login(&self) -> Option<Login> {
        let lease = match self.lease.as_ref().map(Weak::upgrade) {
            None => None,
            Some(Some(lease)) if !lease.is_over() => Some(lease),
            Some(_) => return None,
        };
        let Login { user, secret, .. } = self.login.clone();
        (self.until > Instant::now()).then_some(Login { user, secret, lease })
    }
}

impl<S> Kept<S> {
    /// Nothing was asked yet.
    #[must_use]
    pub fn new(asked: S) -> Self {
        Self { asked: Arc::new(asked), given: Arc::default() }
    }

    /// What is kept, or what the store gives now. One asks, others wait for what it gets.
    ///
    /// # Errors
    /// The store does not give it. What it gave before is over, and does not take its place.
    pub(super) fn login(
        &self,
        read: impl Fn(&S) -> Result<Given, SecretError>,
    ) -> Result<Login, SecretError> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(login) = given.as_ref().and_then(Given::login) {
            return Ok(login);
        }
        *given = None;
        let fresh = read(&self.asked)?;
        let login = fresh.login.clone();
        let Login { user, secret, .. } = fresh.login;
        *given = Some(Given { login: Login { user, secret, lease: None }, ..fresh });
        Ok(login)
    }
}

impl<S: PartialEq> PartialEq for Kept<S> {
    fn eq(&self, other: &Self) -> bool {
        self.asked == other.asked
    }
}

impl<S: Eq> Eq for Kept<S> {}

impl<S: std::fmt::Debug> std::fmt::Debug for Kept<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.asked.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    fn given(text: &str, lasts: Duration) -> Given {
        let secret = Secret::new(text.to_owned());
        Given::new(Login { user: None, secret, lease: None }, Instant::now() + lasts)
    }

    #[test]
    fn what_is_kept_is_shared_and_bounded_and_nothing_older_is_used() {
        let asked = AtomicUsize::new(0);
        let long = |_: &&str| {
            asked.fetch_add(1, Ordering::SeqCst);
            Ok(given("one", Duration::from_secs(3600)))
        };
        let kept = Kept::new("path");
        let other = kept.clone();
        assert_eq!(kept.login(long).unwrap().secret.reveal(), "one");
        assert_eq!(other.login(long).unwrap().secret.reveal(), "one");
        assert_eq!(asked.load(Ordering::SeqCst), 1);

        let kept = Kept::new("path");
        assert_eq!(kept, other);
        kept.login(|_| Ok(given("old", Duration::ZERO))).unwrap();
        let why = || SecretError::Unusable("it".to_owned());
        assert!(kept.login(|_| Err(why())).is_err(), "what was read before takes its place");
        assert_eq!(kept.login(long).unwrap().secret.reveal(), "one");
    }
}
