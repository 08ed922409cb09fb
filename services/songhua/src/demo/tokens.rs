//! Tokens for a tour: given out like any others, and written into the data directory; anew where one no longer works.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use songhua_access::{Grant, Token};
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

/// Gives out the tokens whose files are not there or no longer open the door; returns all files and what they are for.
pub(super) async fn give_out(node: &Node, plan: &PlanId) -> Result<Vec<(PathBuf, &'static str)>, DemoError> {
    let mut files = Vec::new();
    for (principal, role, what_for) in PRINCIPALS {
        let path = node.data.join(format!("{principal}.token"));
        if !works(node, &path, principal, plan) {
            let mine = |one: &Grant| one.granted.principal == principal && one.granted.plan.as_ref() == Some(plan);
            if node.system.directory().state().grants().any(mine) {
                tracing::info!(
                    file = %path.display(),
                    "模拟数据 given out again: the token was revoked, or its file was gone / 令牌已吊销或文件缺失，已重新发放"
                );
            }
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

/// Whether the file holds a token that still stands for `principal`.
fn works(node: &Node, file: &Path, principal: &str, plan: &PlanId) -> bool {
    let Ok(token) = fs::read_to_string(file) else { return false };
    let found = node.system.directory().authenticate(token.trim(), Timestamp::now());
    found.is_ok_and(|found| found.name == principal && found.plan.as_ref() == Some(plan))
}
