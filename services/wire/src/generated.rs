//! What `build.rs` wrote: messages, services and proto3-JSON, in modules that mirror the proto packages.
//!
//! Place in the flow: the only place that includes generated code; `lib.rs` gives the modules their public names. The
//! nesting is not ours to choose: generated code names its neighbours by `super::super::…`.

#![allow(missing_docs, reason = "generated")]
#![allow(unreachable_pub, reason = "generated")]
#![allow(unused_qualifications, reason = "generated")]
#![allow(clippy::all, reason = "generated")]
#![allow(clippy::allow_attributes_without_reason, reason = "generated")]
#![allow(clippy::or_fun_call, reason = "generated")]
#![allow(clippy::large_futures, reason = "generated")]

/// Google's common messages.
pub mod google {
    /// `google.rpc`.
    pub mod rpc {
        include!(concat!(env!("OUT_DIR"), "/google.rpc.rs"));
        include!(concat!(env!("OUT_DIR"), "/google.rpc.serde.rs"));
    }
    /// `google.type`; the file bears the raw identifier.
    pub mod r#type {
        include!(concat!(env!("OUT_DIR"), "/google.r#type.rs"));
        include!(concat!(env!("OUT_DIR"), "/google.r#type.serde.rs"));
    }
}

/// The contract.
pub mod songhua {
    /// `songhua.v1`.
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/songhua.v1.rs"));
        include!(concat!(env!("OUT_DIR"), "/songhua.v1.serde.rs"));
    }
}
