//! What happens when an end, or the way between them, is gone.

use super::*;

#[tokio::test]
async fn sessions_to_come_wait_for_a_connector_that_is_away() {
    let limits = HubLimits { wait: Duration::from_secs(20), ..LIMITS };
    let (gateway, echo) = (Gateway::start_with(limits).await, Echo::default());
    let invite = gateway.invite("eu", &["shop"]);
    let dialer = gateway.dialer("shop", &[("host", "db")]);
    let waiting = tokio::spawn(async move { dialer.dial(&BTreeMap::new()).await });
    let _connector = Running::start(&invite, &echo, &["shop"]).await;
    let mut stream = stream_of(waiting.await.unwrap().unwrap());
    exchange(&mut stream, b"late").await;
}

#[tokio::test]
async fn without_a_connector_the_reason_is_said() {
    let gateway = Gateway::start().await;
    let error = gateway.dial("shop").await.unwrap_err();
    assert!(matches!(&error, DialError::NoConnector(name) if name == "shop"), "{error}");
}

#[tokio::test]
async fn a_link_that_breaks_ends_its_streams_and_is_made_again() {
    let (gateway, echo) = (Gateway::start().await, Echo::default());
    let invite = gateway.invite("eu", &["shop"]);
    let connector = Running::start(&invite, &echo, &["shop"]).await;
    let mut stream = stream_of(gateway.dial("shop").await.unwrap());
    exchange(&mut stream, b"one").await;
    let folder = connector.kill().await;
    let mut rest = Vec::new();
    // Over, with an error or without: not one byte more.
    let _ = stream.read_to_end(&mut rest).await;
    assert_eq!(rest, b"");
    gateway.book.until(|event| event.change == ConnectorChange::Disconnected).await;
    let _again = Running::again(folder, invite.gateways.clone(), &echo, &["shop"]);
    let limits_wait = Duration::from_secs(20);
    let mut made = gateway.dial("shop").await;
    let until = tokio::time::Instant::now() + limits_wait;
    while made.is_err() && tokio::time::Instant::now() < until {
        made = gateway.dial("shop").await;
    }
    exchange(&mut stream_of(made.unwrap()), b"two").await;
}

/// The other connector of the segment goes on, and nobody is told the wrong thing.
#[tokio::test]
async fn another_connector_takes_over() {
    let gateway = Gateway::start().await;
    let echo = Echo::default();
    let invite = gateway.invite("eu-1", &["shop"]);
    let first = Running::start(&invite, &echo, &["shop"]).await;
    let invite = gateway.invite("eu-2", &["shop"]);
    let _second = Running::start(&invite, &echo, &["shop"]).await;
    let both = |event: &ConnectorEvent| {
        event.connector == "eu-2" && event.change == ConnectorChange::Connected
    };
    gateway.book.until(both).await;
    first.kill().await;
    for _ in 0..4 {
        exchange(&mut stream_of(gateway.dial("shop").await.unwrap()), b"still").await;
    }
}

#[tokio::test]
async fn a_gateway_that_starts_anew_finds_its_connectors_again() {
    let (gateway, echo) = (Gateway::start().await, Echo::default());
    let invite = gateway.invite("eu", &["shop"]);
    let connector = Running::start(&invite, &echo, &["shop"]).await;
    exchange(&mut stream_of(gateway.dial("shop").await.unwrap()), b"before").await;
    // Cuts every link; the connector dials again.
    let (book, address) = (gateway.book.clone(), gateway.address);
    for member in gateway.hub.connectors() {
        assert_eq!(member.name, "eu");
    }
    book.keys.lock().unwrap().insert(
        connector.key,
        Standing::Good(Known { name: "eu".into(), resources: vec!["*".into()] }),
    );
    book.changes.send_modify(|count| *count += 1);
    book.until(|event| event.change == ConnectorChange::Disconnected).await;
    let two = |event: &ConnectorEvent| event.change == ConnectorChange::Connected;
    let mut events = book.events.subscribe();
    let twice = |events: &Vec<ConnectorEvent>| events.iter().filter(|it| two(it)).count() == 2;
    events.wait_for(twice).await.unwrap();
    assert_eq!(address, gateway.address);
    exchange(&mut stream_of(gateway.dial("shop").await.unwrap()), b"after").await;
}
