//! Bearer tokens: 256 random bits, shown once, kept as SHA-256.
//!
//! A token has so much entropy that its plain digest cannot be guessed; a slow password hash would only slow the server.

use std::fmt;

use sha2::{Digest, Sha256};

/// Prefix that lets secret scanners find a leaked token.
const PREFIX: &str = "songhua_";

/// A bearer token. Its text is only for the answer to the grant and for the client's file.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// The operating system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("no random bytes from the operating system: {0}")]
pub struct TokenError(String);

impl Token {
    /// Draws a token.
    ///
    /// # Errors
    /// [`TokenError`] when the operating system gives no randomness; nothing weaker is used instead.
    pub fn generate() -> Result<Self, TokenError> {
        let mut bytes = [0u8; 32];
        getrandom::fill(&mut bytes).map_err(|error| TokenError(error.to_string()))?;
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self(format!("{PREFIX}{hex}")))
    }

    /// The text to send as `authorization: Bearer …`.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What the system log keeps.
    pub fn digest(&self) -> [u8; 32] {
        digest_of(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// SHA-256 of a presented credential, to look it up and to name it in the log.
pub fn digest_of(presented: &str) -> [u8; 32] {
    Sha256::digest(presented.as_bytes()).into()
}
