//! Follows the log of a plan and publishes it to NATS topics.
