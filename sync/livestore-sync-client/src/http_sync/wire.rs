use super::array::Elements;
use crate::client::{Setup, USER_AGENT};
use crate::credentials::Credentials;
use crate::end::End;
use crate::mailbox::Mailbox;
use crate::refusal;
use crate::tls::Roots;
use livestore_sync_protocol::{Call, ClientEnvelope, Limits, Request, RequestId, Transport};
use std::io::{self, Read};
use std::time::Duration;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body};

const READ_BYTES: usize = 16 << 10;

/// One request and its answer at a time, to one URL.
pub(super) struct Wire {
    agent: Agent,
    url: String,
    store_id: String,
    authorization: Option<String>,
    answer: Duration,
}

impl Wire {
    pub(super) fn new(setup: &Setup, store_id: &str, credentials: &Credentials) -> Self {
        let answer = Some(setup.times.answer);
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // Credentials would go with them.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(USER_AGENT)
            .tls_config(TlsConfig::builder().root_certs(roots(&setup.roots)).build())
            .timeout_resolve(Some(setup.times.connect))
            .timeout_connect(Some(setup.times.connect))
            .timeout_send_request(answer)
            .timeout_send_body(None)
            .timeout_recv_response(answer)
            // The whole of a long answer may take longer.
            .timeout_per_read(answer)
            .build();
        Self {
            agent: config.into(),
            url: setup.address.http_url(store_id, credentials.payload.clone()),
            store_id: store_id.to_owned(),
            authorization: credentials.authorization.clone(),
            answer: setup.times.answer,
        }
    }

    /// Makes a call, and gives out each envelope of the answer as it comes.
    pub(super) fn call(
        &self,
        id: RequestId,
        call: &Call,
        mailbox: &Mailbox,
        give: impl FnMut(&[u8]) -> Result<(), End>,
    ) -> Result<(), End> {
        let envelope = ClientEnvelope::Request(Request::new(id, call, Transport::Http)).encode();
        let mut request = self.agent.post(&self.url).content_type("application/json");
        request = request.header("x-livestore-store-id", &self.store_id);
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        // A slow line takes its time for it, and what the system holds of it is not seen; one that is dead is noticed.
        let slowest = self.answer + Duration::from_millis(envelope.len() as u64);
        let request = request
            .config()
            .timeout_send_body(Some(slowest))
            .timeout_recv_response(Some(slowest))
            .timeout_per_read(Some(slowest))
            .build();
        let response = request.send(envelope).map_err(|error| end_of(&error))?;
        let status = response.status().as_u16();
        let body = response.into_body();
        if status == 200 { read(body, mailbox, give) } else { Err(refused(status, body)) }
    }
}

fn roots(roots: &Roots) -> RootCerts {
    match roots {
        Roots::Public => RootCerts::WebPki,
        Roots::Own(own) => own.iter().map(|root| Certificate::from_der(root).to_owned()).into(),
    }
}

fn refused(status: u16, body: Body) -> End {
    let mut said = Vec::new();
    let bytes_max = refusal::BODY_BYTES_MAX as u64;
    // As much of it as comes.
    let _ = body.into_reader().take(bytes_max).read_to_end(&mut said);
    End::Lost(refusal::refused(status, &said))
}

fn read(body: Body, mailbox: &Mailbox, mut give: impl FnMut(&[u8]) -> Result<(), End>) -> Result<(), End> {
    let mut reader = body.into_with_config().limit(u64::MAX).reader();
    let mut elements = Elements::new(Limits::default());
    let mut buffer = [0; READ_BYTES];
    loop {
        if mailbox.is_over() {
            return Err(End::Dropped);
        }
        match reader.read(&mut buffer) {
            Ok(0) if elements.is_whole() => return Ok(()),
            Ok(0) => return Err(End::offline("the answer breaks off")),
            Ok(read) => {
                mailbox.moves();
                elements.push(buffer.get(..read).unwrap_or_default(), &mut give)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(End::of(&error)),
        }
    }
}

fn end_of(error: &ureq::Error) -> End {
    match error {
        ureq::Error::Io(error) => End::of(error),
        ureq::Error::Rustls(error) => End::tls(error),
        ureq::Error::Protocol(error) => End::protocol(format!("what answers is no HTTP server: {error}")),
        error => End::offline(error.to_string()),
    }
}
