//! What clients in the field rely on, over real HTTP, on either shape.

mod bulk;
mod clicks;
mod cors;
mod isolation;
mod leads;
mod proof;
mod reads;
mod test_mode;
mod verdicts;
