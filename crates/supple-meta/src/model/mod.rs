//! Models as graphs: a trunk of blocks and a head, whose parameters are one flat vector.
//!
//! | module | what |
//! |---|---|
//! | [`block`] | blocks as a recipe names them, and their shapes |
//! | [`parameter`] | parameters, and where they lie in the vector |
//! | [`network`] | a chain of blocks: its parameters and its graph |
//! | [`head`] | linear heads and heads with a hidden layer |
//! | [`normalisation`] | batch normalisation |
//! | [`loss`] | losses of heads |

pub mod block;
pub mod head;
pub mod loss;
pub mod network;
pub mod normalisation;
pub mod parameter;

pub use block::{Block, BlockError, Pair};
pub use head::HeadShape;
pub use loss::Loss;
pub use network::{Network, Statistics};
pub use parameter::{Initial, Parameter, Parameters};
