//! x
/// x
pub struct FlowTable;
