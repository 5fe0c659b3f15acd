//! Both ends count the same.

use super::*;
use crate::connector::{StreamLogError, read_stream_log};
use portreeve_model::LinkStream;

async fn closed(gateway: &Gateway) -> LinkStream {
    let is_closed =
        |event: &ConnectorEvent| matches!(event.change, ConnectorChange::StreamClosed(_));
    match gateway.book.until(is_closed).await.change {
        ConnectorChange::StreamClosed(stream) => stream,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn both_ends_count_the_same_and_the_log_is_signed() {
    let (gateway, echo) = (Gateway::start().await, Echo::default());
    let invite = gateway.invite("eu", &["shop"]);
    let connector = Running::start(&invite, &echo, &["shop"]).await;
    let mut stream = stream_of(gateway.dial("shop").await.unwrap());
    exchange(&mut stream, &vec![1; 100_000]).await;
    stream.shutdown().await.unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    drop(stream);
    let here = closed(&gateway).await;
    let (path, key) = (connector.stream_log.clone(), connector.key);
    // Its own line is written when its end of the stream is over.
    let entries = loop {
        let entries = read_stream_log(&path, &key).unwrap();
        if !entries.is_empty() {
            break entries;
        }
        tokio::task::yield_now().await;
    };
    let [entry] = entries.as_slice() else { panic!("{entries:?}") };
    assert_eq!(entry.stream.stream, here.stream);
    assert_eq!((entry.stream.to_target, entry.stream.from_target), (100_000, 100_000));
    assert_eq!((here.to_target, here.from_target), (100_000, 100_000));
    assert_eq!(entry.target, "db");
    // Another key, another number, a line that is gone.
    assert!(matches!(read_stream_log(&path, &[1; 32]), Err(StreamLogError::Line { line: 1, .. })));
    let text = std::fs::read_to_string(&path).unwrap();
    let changed = text.replace("100000", "100001");
    assert_ne!(changed, text);
    std::fs::write(&path, changed).unwrap();
    assert!(matches!(read_stream_log(&path, &key), Err(StreamLogError::Line { line: 1, .. })));
}

fn stream(name: &str) -> LinkStream {
    LinkStream {
        stream: name.into(),
        resource: "shop".into(),
        opened_us: 1,
        closed_us: 2,
        to_target: 3,
        from_target: 4,
    }
}

/// What a crash has left of a line is cut off, and the next line follows the last whole one.
#[tokio::test]
async fn a_stream_log_goes_on_behind_its_last_whole_line() {
    let gateway = Gateway::start().await;
    let folder = TempDir::new().unwrap();
    let invite = gateway.invite("eu", &["shop"]);
    let state = enrol(&invite, &folder.path().join("s"), &Carrier::default()).await.unwrap();
    let path = folder.path().join("streams.jsonl");
    let write = |name: &str| {
        let stream_log = StreamLog::open(&path, &state).unwrap();
        stream_log.write(stream(name), "db".into(), "gw:8445".into()).unwrap();
    };
    write("one");
    write("two");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, [whole.as_slice(), b"{\"entry\":\"{"].concat()).unwrap();
    write("three");
    let entries = read_stream_log(&path, &state.fingerprint().0).unwrap();
    let names: Vec<_> = entries.iter().map(|entry| entry.stream.stream.as_str()).collect();
    assert_eq!(names, ["one", "two", "three"]);
    // A line out of the middle is missed.
    let text = std::fs::read_to_string(&path).unwrap();
    let without: Vec<&str> =
        text.lines().enumerate().filter(|(i, _)| *i != 1).map(|(_, l)| l).collect();
    std::fs::write(&path, without.join("\n") + "\n").unwrap();
    assert!(matches!(
        read_stream_log(&path, &state.fingerprint().0),
        Err(StreamLogError::Line { line: 2, .. })
    ));
}

#[tokio::test]
async fn one_connector_writes_a_stream_log_and_parts_of_lines_are_cut_off() {
    let gateway = Gateway::start().await;
    let folder = TempDir::new().unwrap();
    let invite = gateway.invite("eu", &["shop"]);
    let state = enrol(&invite, &folder.path().join("s"), &Carrier::default()).await.unwrap();
    let path = folder.path().join("streams.jsonl");
    let log = StreamLog::open(&path, &state).unwrap();
    assert!(StreamLog::open(&path, &state).is_err(), "two would write the same numbers");
    log.write(stream("one"), "db".into(), "gw:8445".into()).unwrap();
    // A part of a line, as a full disk leaves it.
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, [whole.as_slice(), b"{\"entry\":"].concat()).unwrap();
    log.write(stream("two"), "db".into(), "gw:8445".into()).unwrap();
    assert_eq!(read_stream_log(&path, &state.fingerprint().0).unwrap().len(), 2);
    // What was cut off is not written over.
    std::fs::write(&path, &whole).unwrap();
    assert!(log.write(stream("three"), "db".into(), "gw:8445".into()).is_err());
    assert!(log.settle().is_err());
}
