//! What works when nothing is wrong.

use super::*;
use crate::connector::check_link;

#[tokio::test]
async fn bytes_parameters_and_cancels_go_through() {
    let (gateway, echo) = (Gateway::start().await, Echo::default());
    let invite = gateway.invite("eu", &["shop"]);
    let _connector = Running::start(&invite, &echo, &["shop"]).await;
    let settings = BTreeMap::from([("zone".to_owned(), "UTC".to_owned())]);
    let dialer = gateway.dialer("shop", &[("host", "db")]);
    let logged_in = dialer.dial(&settings).await.unwrap();
    assert_eq!(logged_in.parameters, [("zone".to_owned(), "UTC".to_owned())]);
    logged_in.cancel.as_ref().unwrap().cancel().await.unwrap();
    assert_eq!(echo.cancels.load(Ordering::SeqCst), 1);
    let mut stream = stream_of(logged_in);
    exchange(&mut stream, b"hello").await;
    exchange(&mut stream, &vec![5; 3 << 20]).await;
}

#[tokio::test]
async fn a_half_close_arrives_and_the_rest_comes_back() {
    let (gateway, echo) = (Gateway::start().await, Echo::default());
    let invite = gateway.invite("eu", &["shop"]);
    let _connector = Running::start(&invite, &echo, &["shop"]).await;
    let mut stream = stream_of(gateway.dial("shop").await.unwrap());
    stream.write_all(b"last words").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"last words");
}

/// A stream that nobody reads holds up nobody else, and is bounded by its window.
#[tokio::test]
async fn a_stuck_stream_holds_up_no_other() {
    let (gateway, echo) = (Gateway::start().await, Echo::default());
    let invite = gateway.invite("eu", &["shop"]);
    let _connector = Running::start(&invite, &echo, &["shop"]).await;
    let mut stuck = stream_of(gateway.dial("shop").await.unwrap());
    // Written until nothing more is taken: what comes back is never read.
    let chunk = vec![1; 64 << 10];
    let mut taken = 0;
    while tokio::time::timeout(Duration::from_millis(500), stuck.write_all(&chunk)).await.is_ok() {
        taken += chunk.len();
        assert!(taken < 16 << 20, "a stream that nobody reads takes {taken} bytes");
    }
    let mut other = stream_of(gateway.dial("shop").await.unwrap());
    exchange(&mut other, &vec![2; 4 << 20]).await;
}

#[tokio::test]
async fn those_of_a_segment_share_its_streams() {
    let gateway = Gateway::start().await;
    let (one, other) = (Echo::default(), Echo::default());
    let invite = gateway.invite("eu-1", &["shop"]);
    let _first = Running::start(&invite, &one, &["shop"]).await;
    let invite = gateway.invite("eu-2", &["sh*"]);
    let _second = Running::start(&invite, &other, &["shop"]).await;
    let is_there = |event: &ConnectorEvent| {
        event.connector == "eu-2" && event.change == ConnectorChange::Connected
    };
    let mut streams = vec![gateway.dial("shop").await.unwrap()];
    gateway.book.until(is_there).await;
    while other.logins.load(Ordering::SeqCst) == 0 {
        streams.push(gateway.dial("shop").await.unwrap());
    }
    for _ in 0..8 {
        streams.push(gateway.dial("shop").await.unwrap());
    }
    let loads = [&one, &other].map(|echo| echo.logins.load(Ordering::SeqCst));
    assert!(loads[0].abs_diff(loads[1]) <= 1 || loads[0] > streams.len() - 8, "{loads:?}");
    let states = gateway.hub.connectors();
    assert_eq!(states.iter().map(|it| it.streams).sum::<usize>(), streams.len());
}

#[tokio::test]
async fn a_certificate_is_renewed_when_half_its_life_is_over() {
    // Half of the 10 minutes before it and of no time behind it is over at once.
    let limits = HubLimits { certificate_lifetime: Duration::from_secs(60), ..LIMITS };
    let (gateway, echo) = (Gateway::start_with(limits).await, Echo::default());
    let invite = gateway.invite("eu", &["shop"]);
    let _connector = Running::start(&invite, &echo, &["shop"]).await;
    gateway.book.until(|event| event.change == ConnectorChange::Renewed).await;
    let mut stream = stream_of(gateway.dial("shop").await.unwrap());
    exchange(&mut stream, b"goes on").await;
}

/// Asking whether a gateway would take a connector in changes nothing: one that runs goes on.
#[tokio::test]
async fn a_connector_hears_whether_it_would_be_taken_in() {
    let (gateway, echo) = (Gateway::start().await, Echo::default());
    let invite = gateway.invite("eu", &["shop"]);
    let connector = Running::start(&invite, &echo, &["shop"]).await;
    let mut stream = stream_of(gateway.dial("shop").await.unwrap());
    exchange(&mut stream, b"one").await;
    let state = State::open(&connector.folder.path().join("state")).unwrap();
    let (carrier, place) = (Carrier::default(), gateway.address.to_string());
    let has = || vec!["shop".to_owned(), "crm".to_owned()];
    let asked = check_link(&state, &carrier, &place, has()).await;
    assert_eq!(asked, Ok(vec!["crm".to_owned()]));
    exchange(&mut stream, b"two").await;
    gateway.book.revoke("eu");
    let why = check_link(&state, &carrier, &place, has()).await.unwrap_err();
    assert!(why.contains("revoked") && why.contains("hint"), "{why}");
    let gone = check_link(&state, &carrier, "127.0.0.1:9", has()).await.unwrap_err();
    assert!(gone.contains("cannot reach"), "{gone}");
}
