//! What several targets need.
#![allow(dead_code, reason = "each target uses a part of it")]
use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

pub(crate) mod pieces;

/// The value of a future that waits for nothing.
///
/// # Panics
/// When it waits.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("reading from memory waits for nothing"),
    }
}
