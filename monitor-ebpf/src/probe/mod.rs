//! The hooks, one file per family.
pub(crate) mod connect;
pub(crate) mod exec;
pub(crate) mod exit;
pub(crate) mod flow;
pub(crate) mod fork;
pub(crate) mod members;
pub(crate) mod payload;
pub(crate) mod sockets;
