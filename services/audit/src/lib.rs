//! AuditService: replays the history of a plan.
