//! Tokens for a tour: given out at the first start like any others, and written into the data directory.

use std::path::PathBuf;

use songhua_access::Token;
use songhua_domain::event::{AccessGranted, SystemPayload};
use songhua_domain::id::PlanId;
use songhua_domain::vocabulary::Role;
use uuid::Uuid;

use super::DemoError;
use crate::node::{Node, NodeError, write_private};

/// The agency that a visitor speaks for: it leads the HIT circle.
const AGENCY: &str = "circle-hit-office";

/// Principals, also the names of their files, and what they are for.
const PRINCIPALS: [(&str, Role, &str); 3] = [
    (
        "demo-agency",
        Role::Agency,
        "环哈工大专班，可上报 reports for the HIT circle: songhua push FILE --agency circle-hit-office",
    ),
    ("demo-auditor", Role::Auditor, "审计，可核验和回放 verifies, and replays everything"),
    ("demo-reader", Role::Reader, "只读 reads progress"),
];

/// Gives out the tokens that were not given out yet; returns all files and what they are for.
pub(super) async fn give_out(node: &Node, plan: &PlanId) -> Result<Vec<(PathBuf, &'static str)>, DemoError> {
    let mut files = Vec::new();
    for (principal, role, what_for) in PRINCIPALS {
        let path = node.data.join(format!("{principal}.token"));
        let known = node.system.directory().state();
        let given =
            known.grants().any(|one| one.granted.principal == principal && one.granted.plan.as_ref() == Some(plan));
        if !given {
            let agency = (role == Role::Agency).then(|| AGENCY.parse()).transpose();
            let agency = agency.map_err(|error| super::Fault(format!("{error}")))?;
            let token = Token::generate().map_err(|error| NodeError::file(&path, error))?;
            write_private(&path, token.reveal()).map_err(|error| NodeError::file(&path, error))?;
            let granted = AccessGranted {
                grant_id: Uuid::new_v4(),
                principal: principal.to_owned(),
                role,
                agency,
                plan: Some(plan.clone()),
                token_sha256: token.digest(),
                expires: None,
            };
            let payload = SystemPayload::AccessGranted(granted);
            node.system.append("system", payload).await.map_err(NodeError::from)?;
        }
        files.push((path, what_for));
    }
    Ok(files)
}
