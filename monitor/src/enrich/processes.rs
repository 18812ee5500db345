//! x
/// x
pub struct ProcessTable;
