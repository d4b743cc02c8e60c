//! The peer at the other end of a connection, and what its certificate has been found to say.

use super::ca_bundle::{CaBundle, CertificateError, CertificateIdentity};
use rustls_pki_types::{CertificateDer, UnixTime};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The peer of a request. `serve` puts it into the request's extensions.
///
/// Its certificates proved possession of their key in the handshake; nobody has checked yet who signed them.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The peer's address.
    pub peer: SocketAddr,
    /// What the peer presented, its own certificate first; empty without a client certificate.
    pub certificates: Arc<[CertificateDer<'static>]>,
    /// Whether it speaks HTTP/2.
    pub http2: bool,
    verdicts: Arc<Mutex<Vec<Verdict>>>,
}

// A front proxy sends every user's requests over a few connections, so that the same chain would be verified for each.
#[derive(Clone, Debug)]
struct Verdict {
    bundle: Arc<CaBundle>,
    at: UnixTime,
    outcome: Result<Arc<CertificateIdentity>, CertificateError>,
}

impl Connection {
    /// A peer.
    pub fn new(peer: SocketAddr, certificates: Vec<CertificateDer<'static>>, http2: bool) -> Self {
        Self { peer, certificates: certificates.into(), http2, verdicts: Arc::default() }
    }

    /// Verifies the peer's certificate as [`CaBundle::verify`] does.
    ///
    /// A verdict is kept for this connection for 10 s, or until another bundle takes its place: a certificate that
    /// runs out in the meantime is believed that much longer.
    pub fn verify(&self, bundle: &Arc<CaBundle>, now: UnixTime) -> Result<Arc<CertificateIdentity>, CertificateError> {
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        verdicts.retain(|verdict| verdict.is_fresh(now));
        if let Some(known) = verdicts.iter().find(|verdict| Arc::ptr_eq(&verdict.bundle, bundle)) {
            return known.outcome.clone();
        }
        let outcome = bundle.verify(&self.certificates, now).map(Arc::new);
        if verdicts.len() >= MOST_VERDICTS {
            verdicts.remove(0);
        }
        verdicts.push(Verdict { bundle: bundle.clone(), at: now, outcome: outcome.clone() });
        outcome
    }
}

impl Verdict {
    fn is_fresh(&self, now: UnixTime) -> bool {
        now.as_secs().checked_sub(self.at.as_secs()).is_some_and(|age| age < VERDICT_LIFETIME.as_secs())
    }
}

/// The client CA and the front proxy's CA, with room for the ones they replace.
const MOST_VERDICTS: usize = 4;

const VERDICT_LIFETIME: Duration = Duration::from_secs(10);
