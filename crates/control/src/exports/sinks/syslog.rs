//! Syslog: RFC 5424 over TCP or TLS with octet counting (RFC 6587, RFC 5425), or over UDP.
//!
//! Syslog has no acknowledgement. Over TCP a receiver that has gone away is noticed before and
//! after a batch; what was in its buffers when it died is lost. Who needs more takes a sink that
//! answers.

use super::super::encode::syslog::{counted, message};
use super::super::event::ExportEvent;
use crate::config::Encoding;
use crate::config::{SyslogExport, SyslogTransport};
use crate::http::tls;
use rustls::pki_types::ServerName;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;

/// From the first byte to the last.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a receiver that has gone away has to say so.
const CLOSED_WAIT: Duration = Duration::from_millis(20);
/// What fits into one datagram with its headers.
const DATAGRAM_BYTES_MAX: usize = 65_000;

trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for S {}

/// The connection, while there is one.
pub(super) struct SyslogSink {
    config: SyslogExport,
    tls: Option<TlsConnector>,
    host: String,
    stream: Option<Box<dyn Stream>>,
}

impl SyslogSink {
    pub(super) fn new(config: SyslogExport) -> Result<Self, String> {
        let tls = match config.transport {
            SyslogTransport::Tls => Some(TlsConnector::from(Arc::new(tls(config.ca.as_deref())?))),
            SyslogTransport::Tcp | SyslogTransport::Udp => None,
        };
        let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default().trim().to_owned();
        Ok(Self { config, tls, host, stream: None })
    }

    pub(super) async fn send(
        &mut self,
        events: &[ExportEvent],
        format: Encoding,
    ) -> Result<(), String> {
        let messages: Vec<String> =
            events.iter().map(|event| message(event, &self.host, &format.write(event))).collect();
        let sending = async {
            match self.config.transport {
                SyslogTransport::Udp => self.send_datagrams(&messages).await,
                SyslogTransport::Tcp | SyslogTransport::Tls => self.send_stream(&messages).await,
            }
        };
        match tokio::time::timeout(SEND_TIMEOUT, sending).await {
            Ok(sent) => sent,
            Err(_) => {
                self.stream = None;
                Err(format!("it took nothing for {} s", SEND_TIMEOUT.as_secs()))
            }
        }
    }

    async fn send_datagrams(&self, messages: &[String]) -> Result<(), String> {
        let local = if self.config.address.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" };
        let socket = UdpSocket::bind(local).await.map_err(|error| error.to_string())?;
        for message in messages {
            let bytes = message.as_bytes();
            let bytes = bytes.get(..DATAGRAM_BYTES_MAX).unwrap_or(bytes);
            socket.send_to(bytes, &self.config.address).await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    async fn send_stream(&mut self, messages: &[String]) -> Result<(), String> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.connect().await?,
        };
        ask_whether_open(&mut stream).await?;
        let bytes: Vec<u8> = messages.iter().flat_map(|message| counted(message)).collect();
        stream.write_all(&bytes).await.map_err(|error| error.to_string())?;
        stream.flush().await.map_err(|error| error.to_string())?;
        ask_whether_open(&mut stream).await?;
        self.stream = Some(stream);
        Ok(())
    }

    async fn connect(&self) -> Result<Box<dyn Stream>, String> {
        let address = &self.config.address;
        let connecting = TcpStream::connect(address);
        let stream = match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(format!("`{address}`: {error}")),
            Err(_) => return Err(format!("`{address}` does not answer")),
        };
        let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
        let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
        let host = host.trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host).map_err(|error| error.to_string())?;
        let stream = tls.connect(name, stream).await.map_err(|error| error.to_string())?;
        Ok(Box::new(stream))
    }
}

/// A receiver says nothing; what can be read is its going away.
async fn ask_whether_open(stream: &mut Box<dyn Stream>) -> Result<(), String> {
    let mut byte = [0];
    match tokio::time::timeout(CLOSED_WAIT, stream.read(&mut byte)).await {
        Err(_) => Ok(()),
        Ok(Ok(0)) => Err("it has closed the connection".to_owned()),
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
    }
}
