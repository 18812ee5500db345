//! Both ends of a Stratum V2 connection, made of the reference implementation's own crates.
//!
//! Owns the handshake and the encrypted frames. A third party's code, so that the detector is not only held against
//! what we made of the specification. Must not know the agent.
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use binary_sv2::{GetSize, Serialize};
use codec_sv2::{
    Decrypted, Handshake, MessageFrame, NoiseDecoder, NoiseEncoder, TransportDecryptState,
    TransportEncryptState,
};
use noise_sv2::{ELLSWIFT_ENCODING_SIZE, INITIATOR_EXPECTED_HANDSHAKE_MESSAGE_SIZE, Initiator, Responder};

/// A pool's key that nobody has to keep secret. Source: BIP 340, test vector 0.
const AUTHORITY_SECRET: [u8; 32] = {
    let mut key = [0; 32];
    key[31] = 3;
    key
};
const AUTHORITY_PUBLIC: [u8; 32] = [
    0xf9, 0x30, 0x8a, 0x01, 0x92, 0x58, 0xc3, 0x10, 0x49, 0x34, 0x4f, 0x85, 0xf8, 0x9d, 0x52, 0x29, 0xb5,
    0x31, 0xc8, 0x45, 0x83, 0x6f, 0x99, 0xb0, 0x86, 0x01, 0xf1, 0x13, 0xbc, 0xe0, 0x36, 0xf9,
];
/// How long the pool's certificate holds.
const VALIDITY: Duration = Duration::from_secs(3600);
/// How long an end waits for the other.
const PATIENCE: Duration = Duration::from_secs(30);

/// An end of a connection, past its handshake.
pub struct Channel {
    stream: TcpStream,
    encoder: NoiseEncoder,
    decoder: NoiseDecoder,
    encrypt: TransportEncryptState,
    /// Taken by each read, put back when it is done.
    decrypt: Option<TransportDecryptState>,
}

impl Channel {
    /// Shakes hands as the miner.
    ///
    /// # Errors
    /// When the other end does not follow the protocol.
    pub fn connect(mut stream: TcpStream) -> Result<Self> {
        prepare(&stream)?;
        let initiator = Initiator::from_raw_k(AUTHORITY_PUBLIC).map_err(told)?;
        let (first, state) = Handshake::initiator(initiator).step_0().map_err(told)?;
        stream.write_all(first.payload())?;
        let mut second = [0; INITIATOR_EXPECTED_HANDSHAKE_MESSAGE_SIZE];
        stream.read_exact(&mut second).context("no handshake from the pool")?;
        Ok(Self::over(stream, state.step_2(second).map_err(told)?.split()))
    }

    /// Shakes hands as the pool.
    ///
    /// # Errors
    /// When the other end does not follow the protocol.
    pub fn accept(mut stream: TcpStream) -> Result<Self> {
        prepare(&stream)?;
        let responder =
            Responder::from_authority_kp(&AUTHORITY_PUBLIC, &AUTHORITY_SECRET, VALIDITY).map_err(told)?;
        let mut first = [0; ELLSWIFT_ENCODING_SIZE];
        stream.read_exact(&mut first).context("no handshake from the miner")?;
        let (second, transport) = Handshake::responder(responder).step_1(first).map_err(told)?;
        stream.write_all(second.payload())?;
        Ok(Self::over(stream, transport.split()))
    }

    fn over(stream: TcpStream, (encrypt, decrypt): (TransportEncryptState, TransportDecryptState)) -> Self {
        let (encoder, decoder) = (NoiseEncoder::new(), NoiseDecoder::new());
        Self { stream, encoder, decoder, encrypt, decrypt: Some(decrypt) }
    }

    /// Sends a message; `of_channel` for those that belong to a mining channel.
    ///
    /// # Errors
    /// When the other end is gone.
    pub fn send<T: Serialize + GetSize>(&mut self, kind: u8, message: T, of_channel: bool) -> Result<()> {
        let frame = MessageFrame::from_message(message, kind, 0, of_channel).map_err(told)?;
        let bytes = self.encoder.encode_transport(frame, &mut self.encrypt).map_err(told)?;
        self.stream.write_all(bytes.as_ref())?;
        Ok(())
    }

    /// Waits for a message; it has to be of this kind.
    ///
    /// # Errors
    /// When it is another one, or none comes.
    pub fn expect(&mut self, kind: u8) -> Result<()> {
        loop {
            self.stream.read_exact(self.decoder.writable()).context("the other end is silent or gone")?;
            let state = self.decrypt.take().context("an earlier read failed")?;
            match self.decoder.next_transport_frame(state).map_err(told)? {
                Decrypted::Incomplete(_, state) => self.decrypt = Some(state),
                Decrypted::Frame(frame, state) => {
                    self.decrypt = Some(state);
                    let came = frame.header().msg_type();
                    if came != kind {
                        bail!("a message of kind {came:#04x} came, {kind:#04x} was due");
                    }
                    return Ok(());
                }
            }
        }
    }
}

fn prepare(stream: &TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(())
}

/// For the errors of these crates, which are no `std::error::Error`.
pub fn told(error: impl std::fmt::Debug) -> anyhow::Error {
    anyhow::anyhow!("Stratum V2: {error:?}")
}
