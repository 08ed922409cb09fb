//! For which agency a push is: the one that is given, else the one of the token. A token never speaks for another.
//!
//! Place in the flow: before rows are read, since event ids are made of the agency. It must not know: what is pushed.

use songhua_wire::pb;

use crate::cli::Failure;

/// The agency; none where neither says one, as with an administrator's token.
///
/// # Errors
/// An agency's token beside another agency.
pub(super) fn of(caller: pb::Caller, given: Option<&str>) -> Result<Option<String>, Failure> {
    let own = (caller.role() == pb::Role::Agency).then_some(caller.agency);
    match (own, given) {
        (Some(own), Some(given)) if own != given => Err(Failure::Failed(format!(
            "the token acts for {own}, not for {given}: check --agency and --token-file; nothing was sent\n\
             令牌属于单位 {own}，不是 {given}；请核对 --agency 与 --token-file；未发送"
        ))),
        (own, given) => Ok(own.or_else(|| given.map(str::to_owned))),
    }
}
