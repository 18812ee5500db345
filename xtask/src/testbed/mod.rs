//! What a test on whole machines needs: root trees of Debian, shared by the fleet of containers and the virtual
//! machines. Must not know what is tested.
pub(crate) mod image;
pub(crate) mod prepare;
pub(crate) mod tools;
