//! Who may do what: tokens, grants, principals.
//!
//! Place in the flow: the binary folds the system log into [`AccessState`], its authentication layer turns a bearer
//! token into a [`Principal`], and every service asks the principal. What an agency may report is not decided here but
//! by its assignments in the plan log (`songhua_domain::authorise`).
//!
//! It must not know: how records are encoded, gRPC, plans' content.

mod state;
mod token;

pub use state::{AccessError, AccessState, Directory, Grant, Permission, Principal};
pub use token::{Token, TokenError, digest_of};

#[cfg(test)]
mod tests;
