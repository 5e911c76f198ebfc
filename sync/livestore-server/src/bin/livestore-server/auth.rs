//! Who may connect, as options say it.

use clap::{ArgGroup, Args};
use livestore_server::auth::{FirstOf, Gate, JwtAuth, JwtKeys, TokenFile};
use livestore_server::limits::ServerLimits;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

/// With none of these everybody may do everything, and the server listens on the loopback only.
#[derive(Debug, Args)]
#[command(next_help_heading = "Who may connect", group = ArgGroup::new("jwt").multiple(false))]
pub(crate) struct AuthArgs {
    /// Who may connect: a file with a line `TOKEN STORES read|write` each, `anonymous` as the token for who has none
    #[arg(long, value_name = "FILE", env = "LIVESTORE_TOKENS")]
    tokens: Option<PathBuf>,

    /// Take signed tokens (JWT, HS256) of who has the secret in this file, 32 bytes or more
    #[arg(long, value_name = "FILE", env = "LIVESTORE_JWT_SECRET", group = "jwt")]
    jwt_secret: Option<PathBuf>,

    /// Take signed tokens (JWT, RS256 or ES256) that the public key in this PEM file verifies
    #[arg(long, value_name = "FILE", env = "LIVESTORE_JWT_PUBLIC_KEY", group = "jwt")]
    jwt_public_key: Option<PathBuf>,

    /// Take signed tokens (JWT, RS256 or ES256) that a key of this JWKS file verifies
    #[arg(long, value_name = "FILE", env = "LIVESTORE_JWT_JWKS", group = "jwt")]
    jwt_jwks: Option<PathBuf>,

    /// Take signed tokens of this issuer (`iss`) only
    #[arg(long, value_name = "ISSUER", env = "LIVESTORE_JWT_ISSUER", requires = "jwt")]
    jwt_issuer: Option<String>,

    /// Take signed tokens for this audience (`aud`); without it those that name one are refused
    #[arg(long, value_name = "AUDIENCE", env = "LIVESTORE_JWT_AUDIENCE", requires = "jwt")]
    jwt_audience: Option<String>,
}

impl AuthArgs {
    /// Whether anything says who may connect.
    pub(crate) fn is_some(&self) -> bool {
        self.tokens.is_some() || self.keys().is_some()
    }

    pub(crate) fn gate(&self, limits: &ServerLimits) -> Result<Gate, Box<dyn Error>> {
        let tokens = self.tokens.as_ref().map(TokenFile::open).transpose()?.map(Arc::new);
        let signed = self.signed()?.map(Arc::new);
        if let (Some(path), Some(tokens), None) = (&self.tokens, &tokens, &signed)
            && tokens.is_empty()
        {
            tracing::warn!("`{}` has no line with a token: nobody can connect until it has", path.display());
        }
        Ok(match (tokens, signed) {
            (Some(tokens), Some(signed)) => Gate::new(Arc::new(FirstOf::default().or(signed).or(tokens)), limits),
            (Some(tokens), None) => Gate::new(tokens, limits),
            (None, Some(signed)) => Gate::new(signed, limits),
            (None, None) => Gate::without_auth(limits),
        })
    }

    fn signed(&self) -> Result<Option<JwtAuth>, Box<dyn Error>> {
        let Some(keys) = self.keys() else { return Ok(None) };
        let mut auth = JwtAuth::open(keys)?;
        if let Some(issuer) = &self.jwt_issuer {
            auth = auth.with_issuer(issuer);
        }
        if let Some(audience) = &self.jwt_audience {
            auth = auth.with_audience(audience);
        }
        Ok(Some(auth))
    }

    fn keys(&self) -> Option<JwtKeys> {
        let secret = self.jwt_secret.clone().map(JwtKeys::Secret);
        let public = self.jwt_public_key.clone().map(JwtKeys::PublicKey);
        secret.or(public).or_else(|| self.jwt_jwks.clone().map(JwtKeys::Jwks))
    }
}
