//! Scans of processes that the test starts itself, and of a made-up /proc.
