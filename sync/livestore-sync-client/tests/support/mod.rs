//! What the tests against real servers share.

mod app;
pub(crate) mod proxy;
pub(crate) mod scenarios;
pub(crate) mod site;
mod subject;

pub(crate) use site::Site;
pub(crate) use subject::Conformance;
