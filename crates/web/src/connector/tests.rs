//! Bytes of a gateway against a service that writes down what it gets.

use super::ServiceDialer;
use crate::credential::Credential;
use crate::target::{Http2, Service};
use portreeve_model::Secret;
use portreeve_transport::{DialError, Dialer, Stream, TargetTls, TcpTarget};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const DIGEST: &str = "portreeve-body-digest: \
                      e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\r\n";
const LONG: Duration = Duration::from_secs(20);

/// A service, and what it was asked: each request as its bytes.
struct Double {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    /// Connections that have come and gone.
    over: watch::Receiver<usize>,
    serving: JoinHandle<()>,
}

impl Drop for Double {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Double {
    /// One that answers every request so.
    async fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (ended, over) = watch::channel(0);
        let known = asked.clone();
        let serving = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut read = Vec::new();
                while let Some(request) = request(&mut stream, &mut read).await {
                    known.lock().unwrap().push(request);
                    stream.write_all(answer.as_bytes()).await.unwrap();
                    if answer.contains("connection: close") {
                        break;
                    }
                }
                ended.send_modify(|over| *over += 1);
            }
        });
        Self { port, asked, over, serving }
    }

    fn dialer(&self, credential: Credential) -> ServiceDialer {
        let place = TcpTarget {
            host: "127.0.0.1".into(),
            port: self.port,
            tls: TargetTls::Disabled,
            timeout: LONG,
        };
        ServiceDialer::new(Service::new(place, Http2::Never, credential), None).unwrap()
    }

    async fn stream(&self) -> Box<dyn Stream> {
        let bearer = Credential::Bearer(Secret::new("the-secret".into()));
        let logged_in = self.dialer(bearer).dial(&BTreeMap::new()).await.unwrap();
        logged_in.connection.into_parts().0
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// A request for it, with these lines in its head.
    fn asks(&self, start: &str, lines: &str, body: &str) -> String {
        format!("{start} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\n{DIGEST}{lines}\r\n{body}", self.port)
    }
}

/// One whole request, as a service reads it that heeds a length or chunks.
async fn request(stream: &mut TcpStream, read: &mut Vec<u8>) -> Option<String> {
    loop {
        let text = String::from_utf8_lossy(read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let is_chunked = head.contains("transfer-encoding: chunked");
            assert!(!(is_chunked && length.is_some()), "two readings: {head}");
            let whole = match is_chunked {
                true => body.find("0\r\n\r\n").map(|at| at + 5),
                false => Some(length.map_or(0, |length| length.parse().unwrap())),
            };
            if let Some(whole) = whole.filter(|whole| body.len() >= *whole) {
                let end = head.len() + 4 + whole;
                read.drain(..end);
                return Some(text[..end].to_owned());
            }
        }
        if stream.read_buf(read).await.ok()? == 0 {
            return None;
        }
    }
}

/// Sends some bytes, and reads until an answer ends so.
async fn said(stream: &mut Box<dyn Stream>, bytes: &str, end: &str) -> String {
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(end.as_bytes()) {
        let read = timeout(LONG, stream.read_buf(&mut answer)).await.unwrap();
        assert!(read.unwrap() > 0, "{}", String::from_utf8_lossy(&answer));
    }
    String::from_utf8(answer).unwrap()
}

/// Sends some bytes, and reads until the stream ends.
async fn refused(stream: &mut Box<dyn Stream>, bytes: &str) -> String {
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    timeout(LONG, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    String::from_utf8(answer).unwrap()
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-you: Bearer the-secret\r\n\r\nok";

#[tokio::test]
async fn exactly_what_was_asked_is_asked_and_opened() {
    let double = Double::start(OK).await;
    let mut stream = double.stream().await;
    let authority = format!("127.0.0.1:{}", double.port);
    // Twice over one stream, and the second before the first was answered.
    let first = double.asks("POST /a%20b?c=%2F&d", "x-b: 1\r\ncontent-length: 3\r\n", "a=1");
    let second = double.asks("GET /next", "authorization: Bearer mine\r\n", "");
    let answers = said(
        &mut stream,
        &format!("{first}{second}"),
        "okHTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-you: Bearer **********\r\n\r\nok",
    )
    .await;
    assert!(!answers.contains("secret"), "{answers}");
    let opened = "authorization: Bearer the-secret\r\naccept-encoding: identity\r\n\r\n";
    assert_eq!(
        double.asked(),
        [
            format!(
                "POST /a%20b?c=%2F&d HTTP/1.1\r\nhost: {authority}\r\nx-b: 1\r\n\
                 content-length: 3\r\n{opened}a=1"
            ),
            format!("GET /next HTTP/1.1\r\nhost: {authority}\r\n{opened}"),
        ]
    );
}

#[tokio::test]
async fn a_body_is_a_body_whatever_it_looks_like() {
    let double = Double::start(OK).await;
    let mut stream = double.stream().await;
    let inner = double.asks("DELETE /all", "", "");
    let lines = format!("content-length: {}\r\n", inner.len());
    said(&mut stream, &double.asks("POST /a", &lines, &inner), "ok").await;
    let chunks = format!("{:x}\r\n{inner}\r\n0\r\n\r\n", inner.len());
    said(&mut stream, &double.asks("POST /b", "transfer-encoding: chunked\r\n", &chunks), "ok")
        .await;
    let asked = double.asked();
    let starts: Vec<&str> = asked.iter().map(|it| it.split(" HTTP").next().unwrap()).collect();
    assert_eq!(starts, ["POST /a", "POST /b"]);
    assert!(asked.iter().all(|it| it.contains(&inner)), "{asked:?}");
}

#[tokio::test]
async fn what_has_two_readings_reaches_no_service() {
    let double = Double::start(OK).await;
    let wrong = "HTTP/1.1 400 Bad Request";
    let cases = [
        (double.asks("GET /", "expect: 100-continue\r\n", ""), "portreeve-refused: request"),
        (double.asks("GET /", "connection: upgrade\r\nupgrade: h2c\r\n", ""), "`upgrade`"),
        (double.asks("TRACE /", "", ""), "`TRACE`"),
        (double.asks("CONNECT /", "", ""), ""),
        (double.asks("GET http://other/", "", ""), "a place"),
        (double.asks("GET /", "host: other\r\n", ""), "it is for"),
        (double.asks("POST /", "content-length: 1, 2\r\n", "ab"), wrong),
        (double.asks("POST /", "content-length: 1\r\ncontent-length: 2\r\n", "ab"), wrong),
        (double.asks("POST /", "content-length: +1\r\n", "a"), wrong),
        (double.asks("POST /", "transfer-encoding: chunked, x\r\n", "a"), wrong),
        (double.asks("POST /", "transfer-encoding: x, chunked\r\n", "0\r\n\r\n"), "framing"),
        (double.asks("POST /", "transfer-encoding : chunked\r\n", "0\r\n\r\n"), wrong),
        (double.asks("GET /", "x-a: b\r\n c\r\n", ""), wrong),
        (double.asks("GET /", "x\0: b\r\n", ""), wrong),
        (format!("GET / HTTP/1.0\r\nhost: 127.0.0.1:{}\r\n{DIGEST}\r\n", double.port), "HTTP/1.1"),
        (
            format!("GET / HTTP/1.1\r\nhost: 127.0.0.1:{}\r\n\r\n", double.port),
            "upgrade the gateway",
        ),
    ];
    for (bytes, expect) in cases {
        let answer = refused(&mut double.stream().await, &bytes).await;
        assert!(answer.contains(expect), "{bytes:?}: {answer}");
        assert!(!answer.contains("200 OK"), "{bytes:?}");
    }
    assert_eq!(double.asked(), Vec::<String>::new());
}

/// A length beside chunks is the classic of smuggling: chunks count, and the length is gone.
#[tokio::test]
async fn a_length_beside_chunks_is_not_sent_on() {
    let double = Double::start(OK).await;
    for lines in [
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
    ] {
        let bytes = double.asks("POST /", lines, "0\r\n\r\n");
        said(&mut double.stream().await, &bytes, "ok").await;
    }
    let asked = double.asked();
    assert!(asked.iter().all(|it| !it.contains("content-length")), "{asked:?}");
    assert!(asked.iter().all(|it| it.ends_with("\r\n\r\n0\r\n\r\n")), "{asked:?}");
}

#[tokio::test]
async fn fields_behind_a_body_end_the_request() {
    let double = Double::start(OK).await;
    let bytes =
        double.asks("POST /", "transfer-encoding: chunked\r\n", "1\r\na\r\n0\r\nx-a: b\r\n\r\n");
    let answer = refused(&mut double.stream().await, &bytes).await;
    assert!(!answer.contains("200 OK"), "{answer}");
    assert_eq!(double.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn the_service_may_close_its_connection_after_each_answer() {
    let double =
        Double::start("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok").await;
    let mut stream = double.stream().await;
    for _ in 0..3 {
        said(&mut stream, &double.asks("GET /", "", ""), "ok").await;
    }
    assert_eq!(double.asked().len(), 3);
}

#[tokio::test]
async fn a_gateway_that_goes_takes_the_connection_along() {
    let mut double = Double::start("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbeginning").await;
    let mut stream = double.stream().await;
    said(&mut stream, &double.asks("GET /", "", ""), "beginning").await;
    drop(stream);
    timeout(LONG, double.over.wait_for(|over| *over == 1)).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_a_service_should_not_say_is_not_passed_on() {
    for (answer, expect) in [
        (
            "HTTP/1.1 200 OK\r\ncontent-encoding: compress\r\ncontent-length: 2\r\n\r\nok",
            "encoding `compress`",
        ),
        ("HTTP/1.1 206 Partial Content\r\ncontent-length: 2\r\n\r\nok", "it is a part"),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok",
            "portreeve-refused: lost",
        ),
        ("no HTTP at all\r\n\r\n", "portreeve-refused: lost"),
    ] {
        let double = Double::start(answer).await;
        let said = refused(&mut double.stream().await, &double.asks("GET /", "", "")).await;
        assert!(said.starts_with("HTTP/1.1 502") && said.contains(expect), "{answer:?}: {said}");
    }
    // The reason's words may say the credential, too; those that the status has are said.
    let double = Double::start("HTTP/1.1 200 the-secret\r\ncontent-length: 2\r\n\r\nok").await;
    let answer = said(&mut double.stream().await, &double.asks("GET /", "", ""), "ok").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[tokio::test]
async fn an_operator_hears_whether_a_service_lets_the_connector_in() {
    let bearer = || Credential::Bearer(Secret::new("the-secret".into()));
    let double = Double::start("HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\n").await;
    double.dialer(bearer()).check().await.unwrap();
    assert!(double.asked()[0].starts_with("HEAD / HTTP/1.1\r\n"));
    assert!(double.asked()[0].contains("authorization: Bearer the-secret\r\n"));
    let double = Double::start("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n").await;
    let why = double.dialer(bearer()).check().await.unwrap_err();
    assert!(matches!(&why, DialError::Refused { code, .. } if code == "401"), "{why}");
}

#[test]
fn what_nobody_could_hide_is_not_served() {
    let place = TcpTarget { host: "h".into(), port: 1, tls: TargetTls::Disabled, timeout: LONG };
    let credential = Credential::Bearer(Secret::new("abc".into()));
    let service = Service::new(place, Http2::Never, credential);
    assert!(ServiceDialer::new(service, None).unwrap_err().to_string().contains("hint: "));
}
