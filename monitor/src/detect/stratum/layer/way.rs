//! What one direction is taken for.
//!
//! Owns [`Way`]. Must not know the other direction.
use super::{
    duino,
    head::Head,
    sniff::{Kind, SNIFF_MAX},
    socks::Socks,
    sv2,
    websocket::WebSocket,
};

/// What a direction is taken for.
#[derive(Debug)]
pub(super) enum Way {
    Sniff { held: [u8; SNIFF_MAX], have: u8 },
    Socks(Box<Socks>),
    Head(Box<Head>),
    Frames(Box<WebSocket>),
    Lines(Box<duino::Lines>),
    Clear(Box<sv2::Frames>),
    Plain,
}

impl Default for Way {
    fn default() -> Self {
        Self::Sniff { held: [0; SNIFF_MAX], have: 0 }
    }
}

impl Way {
    pub(super) fn of(kind: Kind) -> Self {
        match kind {
            Kind::SocksClient => Self::Socks(Box::new(Socks::client())),
            Kind::SocksServer { four } => Self::Socks(Box::new(Socks::server(four))),
            Kind::Head => Self::Head(Box::default()),
            Kind::Frames => Self::Frames(Box::default()),
            Kind::Lines => Self::Lines(Box::default()),
            Kind::Clear => Self::Clear(Box::default()),
            Kind::Plain => Self::Plain,
        }
    }

    pub(super) fn held(&self) -> usize {
        match self {
            Self::Sniff { have, .. } => usize::from(*have),
            Self::Head(head) => head.held(),
            Self::Lines(lines) => lines.held(),
            Self::Clear(frames) => frames.held(),
            Self::Socks(_) | Self::Frames(_) | Self::Plain => 0,
        }
    }

    pub(super) fn unreadable(&self) -> u64 {
        if let Self::Frames(socket) = self { socket.unreadable() } else { 0 }
    }
}
