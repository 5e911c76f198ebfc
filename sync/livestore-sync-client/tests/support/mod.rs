//! What the tests against real servers share.

mod app;
mod proxy;
pub(crate) mod scenarios;
mod site;
mod subject;

pub(crate) use site::Site;
pub(crate) use subject::Conformance;
