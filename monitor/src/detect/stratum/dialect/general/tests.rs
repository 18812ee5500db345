//! The general rule alone: unlisted dialects, and what is none.
