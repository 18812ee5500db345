//! What is remembered of a socket.
//!
//! Owns the state of a flow. Must not know packets (`payload.rs`), when they are looked at (`policy.rs`), or the
//! agent.
use monitor_ebpf::event::{OWNER_NONE, Owner};

use crate::policy::Side;

/// State of a socket.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Flow {
    /// Whose, when known.
    pub(crate) owner: Owner,
    /// Egress, ingress.
    pub(crate) sides: [Side; 2],
    /// A connect record was written for the present connection.
    pub(crate) told: u32,
    /// Payload was captured, so its end is of interest.
    pub(crate) captured: u32,
}

impl Flow {
    /// Of a socket whose owner is not known.
    pub(crate) const NEW: Self = Self {
        owner: Owner {
            who: monitor_ebpf::event::Identity { start: 0, tgid: 0, pid: 0, generation: 0, reserved: 0 },
            source: OWNER_NONE,
            reserved: 0,
        },
        sides: [Side::NEW; 2],
        told: 0,
        captured: 0,
    };
}
