//! `stratum-v2` in clear: what the messages of its mining protocol say.
//!
//! Owns the shapes of the messages, whose fields are little-endian. Must not know frames. The device's own id is not
//! looked at. Sources: sv2-spec 03 (types, `SetupConnection`), 05 (mining protocol), 08 (message types).
use super::{Dialect, Purpose, Reply, Request};
use crate::detect::{
    Claim,
    stratum::{
        account,
        shape::{claim, pool},
    },
};

/// The first byte of `SetupConnection`: the mining protocol. The others are spoken by nodes and pools.
const MINING: u8 = 0;
/// Versions of the protocol begin at 2.
const VERSION_MIN: u16 = 2;

/// What a message is to the session.
#[derive(Debug)]
pub(in crate::detect::stratum) enum Said {
    /// A client's message.
    Asks(Request),
    /// The answer to a client's message with this purpose.
    Answers(Purpose, Reply),
    /// A pool's message that nobody asked for.
    Pushes(Reply),
}

/// Reads the message of this type.
pub(in crate::detect::stratum) fn read(kind: u8, body: &[u8]) -> Option<Said> {
    let answer = |purpose, what| {
        Said::Answers(purpose, Reply { dialect: Some(Dialect::StratumV2), ..Reply::fitting(what) })
    };
    let refuse = |purpose, what| Said::Answers(purpose, Reply { accepts: false, ..Reply::fitting(what) });
    Some(match (kind, body.len()) {
        (0x00, _) => Said::Asks(setup(body)?),
        (0x01, 6) => answer(Purpose::Enter, "a pool's consent"),
        (0x02, 5..) | (0x12, 5..) => refuse(Purpose::Enter, "a pool's refusal"),
        (0x10 | 0x13, _) => Said::Asks(open(kind, body)?),
        (0x11 | 0x14, 45..=80) => {
            Said::Answers(Purpose::Enter, Reply::certain(Dialect::StratumV2, "a channel"))
        }
        (0x15, 45..=50) | (0x1f, 16..) => Said::Pushes(Reply::certain(Dialect::StratumV2, "a job")),
        (0x1a, 24) => Said::Asks(request("SubmitSharesStandard", Purpose::Submit, Claim::default())),
        (0x1b, 25..=57) => Said::Asks(request("SubmitSharesExtended", Purpose::Submit, Claim::default())),
        (0x1c, 20) => answer(Purpose::Submit, "an accepted share"),
        (0x1d, 9..) => refuse(Purpose::Submit, "a refused share"),
        _ => return None,
    })
}

const fn request(method: &'static str, purpose: Purpose, claim: Claim) -> Request {
    Request { dialect: Dialect::StratumV2, method, purpose, sure: true, claim, offer: None }
}

/// Protocol, lowest and highest version, flags, host, port, vendor, hardware, firmware, device.
fn setup(body: &[u8]) -> Option<Request> {
    let mut fields = Fields(body);
    let [protocol] = fields.take()?;
    let versions = [u16::from_le_bytes(fields.take()?), u16::from_le_bytes(fields.take()?)];
    let [_, _, _, _] = fields.take()?;
    let host = fields.text()?;
    let port = u16::from_le_bytes(fields.take()?);
    let [vendor, _, firmware, _] = [fields.text()?, fields.text()?, fields.text()?, fields.text()?];
    let [lowest, highest] = versions;
    if protocol != MINING || lowest < VERSION_MIN || highest < lowest || !fields.0.is_empty() {
        return None;
    }
    let agent = [vendor, firmware].join(" ");
    let told = Claim { agent: claim(&agent), pool: pool(host, Some(&port.into())), ..Claim::default() };
    Some(request("SetupConnection", Purpose::Enter, told))
}

/// Request id, user identity, hash rate, highest target; an extended channel has two bytes more.
fn open(kind: u8, body: &[u8]) -> Option<Request> {
    let mut fields = Fields(body);
    let [_, _, _, _] = fields.take()?;
    let user = fields.text()?;
    let extended = kind == 0x13;
    if fields.0.len() != 4 + 32 + if extended { 2 } else { 0 } {
        return None;
    }
    let mut told = Claim::default();
    account::split(user, &mut told);
    let method = if extended { "OpenExtendedMiningChannel" } else { "OpenStandardMiningChannel" };
    Some(request(method, Purpose::Enter, told))
}

/// What is left of a message.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }

    /// `STR0_255`: a length of one byte, then text.
    fn text(&mut self) -> Option<&'a str> {
        let [length] = self.take()?;
        let (text, rest) = self.0.split_at_checked(usize::from(length))?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Vec<u8> {
        [&[u8::try_from(value.len()).unwrap()], value.as_bytes()].concat()
    }

    fn setup_body(protocol: u8) -> Vec<u8> {
        let mut body = vec![protocol, 2, 0, 2, 0, 1, 0, 0, 0];
        body.extend(text("pool.example"));
        body.extend(34254_u16.to_le_bytes());
        for field in ["Acme", "S1", "acmeos 1.2", "serial-77"] {
            body.extend(text(field));
        }
        body
    }

    fn asked(kind: u8, body: &[u8]) -> Option<Request> {
        match read(kind, body)? {
            Said::Asks(request) => Some(request),
            _ => None,
        }
    }

    #[test]
    fn a_setup_names_pool_and_software() {
        let request = asked(0, &setup_body(0)).unwrap();
        assert_eq!(request.claim.pool.as_deref(), Some("pool.example:34254"));
        assert_eq!(request.claim.agent.as_deref(), Some("Acme acmeos 1.2"));
        assert!(!format!("{request:?}").contains("serial-77"));
        for other in [1, 2, 9] {
            assert!(asked(0, &setup_body(other)).is_none());
        }
        let whole = setup_body(0);
        assert!((0..whole.len()).all(|at| asked(0, &whole[..at]).is_none()));
        assert!(asked(0, &[whole, vec![0]].concat()).is_none());
    }

    #[test]
    fn a_channel_names_its_user() {
        let mut body = vec![1, 0, 0, 0];
        body.extend(text("fkDXmFqNdbxFNejHxVBYFXaqhNzHshSMfW.attic"));
        body.extend([0; 36]);
        let claim = asked(0x10, &body).unwrap().claim;
        assert_eq!(claim.wallet.as_deref(), Some("fkDXmFqNdbxFNejHxVBYFXaqhNzHshSMfW"));
        assert_eq!(claim.worker.as_deref(), Some("attic"));
        assert!(asked(0x13, &body).is_none());
        body.extend([4, 0]);
        assert!(asked(0x13, &body).is_some() && asked(0x10, &body).is_none());
    }

    #[test]
    fn other_messages_are_told_by_type_and_length() {
        assert!(asked(0x1a, &[0; 24]).is_some() && asked(0x1a, &[0; 23]).is_none());
        assert!(
            matches!(read(1, &[2, 0, 0, 0, 0, 0]), Some(Said::Answers(Purpose::Enter, reply)) if reply.accepts)
        );
        assert!(
            matches!(read(0x1d, &[0; 20]), Some(Said::Answers(Purpose::Submit, reply)) if !reply.accepts)
        );
        assert!(matches!(read(0x15, &[0; 45]), Some(Said::Pushes(_))));
        for (kind, length) in [(1, 7), (0x11, 10), (0x15, 3), (0x1c, 21), (0x70, 6), (0xff, 45)] {
            assert!(read(kind, &vec![0; length]).is_none(), "{kind:#x} {length}");
        }
    }
}
