//! What a test on whole machines needs: root trees of Debian, shared by the fleet of containers and the virtual
//! machines, and the fleet itself. Must not know what is tested.
pub(crate) mod boot;
pub(crate) mod cgroup;
pub(crate) mod fleet;
pub(crate) mod guest;
pub(crate) mod image;
pub(crate) mod lab;
pub(crate) mod prepare;
pub(crate) mod ssh;
pub(crate) mod tools;
pub(crate) mod wait;
