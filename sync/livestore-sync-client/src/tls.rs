//! Whose certificates are trusted.

use crate::SetupError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;

/// The roots of trust: the public ones, or one's own in place of them.
#[derive(Clone, Debug, Default)]
pub(crate) enum Roots {
    #[default]
    Public,
    Own(Arc<[CertificateDer<'static>]>),
}

impl Roots {
    /// Reads a PEM file.
    pub(crate) fn read(path: &Path) -> Result<Self, SetupError> {
        let fail = |reason: String| SetupError::Certificates { path: path.display().to_string(), reason };
        let found = CertificateDer::pem_file_iter(path).map_err(|error| fail(error.to_string()))?;
        let found: Vec<_> = found.collect::<Result<_, _>>().map_err(|error| fail(error.to_string()))?;
        if found.is_empty() {
            return Err(fail("it has no certificate in PEM format".into()));
        }
        let mut store = RootCertStore::empty();
        for root in &found {
            store.add(root.clone()).map_err(|error| fail(error.to_string()))?;
        }
        Ok(Self::Own(found.into()))
    }

    /// TLS 1.2 and 1.3, with the ring provider, whatever else the process uses.
    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        let mut store = RootCertStore::empty();
        match self {
            Self::Public => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Self::Own(roots) => {
                for root in roots.iter() {
                    store.add(root.clone())?;
                }
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let mut config = builder.with_root_certificates(store).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}
