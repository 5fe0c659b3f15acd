//! Those who are no connector, or want to be another one.

use super::*;
use crate::connector::EnrolError;
use crate::message::{self, FromConnector, FromGateway};
use crate::mux::{self, Side};
use crate::tls;
use crate::{CredentialError, key::ConnectorKey};
use rustls::pki_types::CertificateDer;
use std::time::SystemTime;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Says hello to a gateway with a key and a certificate.
async fn hello(
    gateway: &Gateway,
    key: &ConnectorKey,
    certificate: CertificateDer<'static>,
    hello: FromConnector,
) -> std::io::Result<FromGateway> {
    let config = tls::client(&gateway.authority, Some((key, certificate))).unwrap();
    let stream = Carrier::default().connect(&gateway.address.to_string()).await.unwrap();
    let stream = tls::connect(stream, config).await?;
    let (mux, _arrived, driver) = mux::over(stream, Side::Connector);
    let said = async {
        let mut control = mux.open().await?;
        message::write(&mut control, &hello).await?;
        message::read(&mut control).await
    };
    tokio::select! {
        why = driver.run() => Err(std::io::Error::other(why)),
        said = said => said,
    }
}

fn usual(versions: &[u16], resources: &[&str]) -> FromConnector {
    FromConnector::Hello {
        versions: versions.to_vec(),
        software: "x".into(),
        time_us: message::now_us(),
        resources: resources.iter().map(|&name| name.to_owned()).collect(),
    }
}

fn certified(
    seed: u8,
    name: &str,
    key: &ConnectorKey,
) -> Result<CertificateDer<'static>, CredentialError> {
    let authority = Authority::new(&Secret::new([seed; 32])).unwrap();
    authority.connector(name, &key.public(), SystemTime::now(), DAY)
}

fn why(said: FromGateway) -> String {
    match said {
        FromGateway::Refused { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_invitation_is_good_once() {
    let gateway = Gateway::start().await;
    let (invite, carrier) = (gateway.invite("eu", &["shop"]), Carrier::default());
    let folder = TempDir::new().unwrap();
    enrol(&invite, &folder.path().join("one"), &carrier).await.unwrap();
    // Stolen, or replayed.
    let again = enrol(&invite, &folder.path().join("two"), &carrier).await.unwrap_err();
    assert!(matches!(&again, EnrolError::Refused(_)), "{again}");
    assert!(!folder.path().join("two/connector-key").exists());
    assert_eq!(gateway.book.until_refused().await, "the invitation is not good");
    // Where somebody is enrolled nobody else is.
    let over = enrol(&invite, &folder.path().join("one"), &carrier).await.unwrap_err();
    assert!(matches!(&over, EnrolError::State(_)), "{over}");
}

#[tokio::test]
async fn an_invitation_of_another_gateway_shows_its_secret_to_nobody() {
    let gateway = Gateway::start().await;
    let invite = Invite { authority: [3; 32], ..gateway.invite("eu", &["shop"]) };
    let folder = TempDir::new().unwrap();
    let state = folder.path().join("state");
    let error = enrol(&invite, &state, &Carrier::default()).await.unwrap_err();
    assert!(matches!(&error, EnrolError::Gateway { .. }), "{error}");
    gateway.book.until_refused().await;
    assert!(gateway.book.invites.lock().unwrap().contains_key("eu"), "it is still good");
}

#[tokio::test]
async fn a_key_has_the_name_that_it_was_enrolled_under() {
    let gateway = Gateway::start().await;
    let key = ConnectorKey::fresh().unwrap();
    let said = hello(&gateway, &key, certified(7, "eu", &key).unwrap(), usual(&[1], &["shop"]));
    assert_eq!(why(said.await.unwrap()), "nobody has enrolled its key");
    let known = Known { name: "eu".into(), resources: vec!["shop".into()] };
    gateway.book.keys.lock().unwrap().insert(key.public(), Standing::Good(known));
    let lie = hello(&gateway, &key, certified(7, "us", &key).unwrap(), usual(&[1], &["shop"]));
    assert_eq!(why(lie.await.unwrap()), "its key is that of `eu`");
    let other = hello(&gateway, &key, certified(8, "eu", &key).unwrap(), usual(&[1], &["shop"]));
    assert!(other.await.is_err(), "a certificate of another authority");
    let said = hello(&gateway, &key, certified(7, "eu", &key).unwrap(), usual(&[9, 8], &[]));
    assert!(why(said.await.unwrap()).contains("upgrade the older"));
}

/// It gets what it was invited for of what it asks for, and hears of the rest.
#[tokio::test]
async fn nobody_serves_what_it_was_not_invited_for() {
    let (gateway, echo) = (Gateway::start().await, Echo::default());
    let invite = gateway.invite("eu", &["shop"]);
    let _connector = Running::start(&invite, &echo, &["shop", "crm"]).await;
    exchange(&mut stream_of(gateway.dial("shop").await.unwrap()), b"mine").await;
    let error = gateway.dial("crm").await.unwrap_err();
    assert!(matches!(error, DialError::NoConnector(_)), "{error}");
    assert_eq!(echo.logins.load(Ordering::SeqCst), 1);
}

/// Both ends must mean the same target: neither can be led elsewhere by the other's mistake.
#[tokio::test]
async fn a_target_is_reached_only_where_both_ends_say_the_same() {
    let (gateway, echo) = (Gateway::start().await, Echo::default());
    let invite = gateway.invite("eu", &["shop"]);
    let _connector = Running::start(&invite, &echo, &["shop"]).await;
    let other = gateway.dialer("shop", &[("host", "elsewhere")]);
    let error = other.dial(&BTreeMap::new()).await.unwrap_err().to_string();
    assert!(error.contains("`host` of `shop` is `db` at the connector and `elsewhere`"), "{error}");
    assert_eq!(echo.logins.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_is_revoked_ends_at_once_and_comes_back_never() {
    let (gateway, echo) = (Gateway::start().await, Echo::default());
    let invite = gateway.invite("eu", &["shop"]);
    let _connector = Running::start(&invite, &echo, &["shop"]).await;
    let mut stream = stream_of(gateway.dial("shop").await.unwrap());
    exchange(&mut stream, b"one").await;
    gateway.book.revoke("eu");
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert_eq!(rest, b"");
    assert!(matches!(gateway.dial("shop").await, Err(DialError::NoConnector(_))));
    assert!(gateway.book.until_refused().await.contains("revoked"));
}

/// A connector opens one stream and no other; what it opens beside it is never read.
#[tokio::test]
async fn a_connector_that_opens_streams_is_not_heard() {
    let gateway = Gateway::start().await;
    let key = ConnectorKey::fresh().unwrap();
    let known = Known { name: "eu".into(), resources: vec!["shop".into()] };
    gateway.book.keys.lock().unwrap().insert(key.public(), Standing::Good(known));
    let certificate = certified(7, "eu", &key).unwrap();
    let config = tls::client(&gateway.authority, Some((&key, certificate))).unwrap();
    let stream = Carrier::default().connect(&gateway.address.to_string()).await.unwrap();
    let stream = tls::connect(stream, config).await.unwrap();
    let (mux, _arrived, driver) = mux::over(stream, Side::Connector);
    let driver = tokio::spawn(driver.run());
    let mut control = mux.open().await.unwrap();
    message::write(&mut control, &usual(&[1], &["shop"])).await.unwrap();
    let welcome: FromGateway = message::read(&mut control).await.unwrap();
    assert!(matches!(welcome, FromGateway::Welcome { .. }));
    for _ in 0..100 {
        let mut stream = mux.open().await.unwrap();
        let _ = stream.write_all(&[0; 1024]).await;
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        assert_eq!(rest, b"");
    }
    // Says hello a second time: the link is over.
    message::write(&mut control, &usual(&[1], &["shop"])).await.unwrap();
    gateway.book.until(|event| event.change == ConnectorChange::Disconnected).await;
    driver.abort();
}

#[tokio::test]
async fn the_targets_own_words_come_through_and_no_other_connector_is_asked() {
    let gateway = Gateway::start().await;
    let refused = Some(("28P01".to_owned(), "password authentication failed".to_owned()));
    let (wrong, right) = (Echo { refuses: refused, ..Echo::default() }, Echo::default());
    let invite = gateway.invite("eu-1", &["shop"]);
    let _first = Running::start(&invite, &wrong, &["shop"]).await;
    gateway.book.until(|event| event.change == ConnectorChange::Connected).await;
    let error = gateway.dial("shop").await.unwrap_err();
    assert!(matches!(&error, DialError::Refused { code, .. } if code == "28P01"), "{error}");
    assert_eq!(right.logins.load(Ordering::SeqCst), 0);
}
