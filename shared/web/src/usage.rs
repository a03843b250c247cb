//! What a handler says of the customers it read or scored; the frame makes a usage event of it.

use crate::usage_log::{Event, Interaction};
use axum::Extension;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What a home answers in place of a function, which then was not called.
const REFUSED_BY_THE_HOME: [u16; 5] = [401, 421, 429, 431, 503];

/// Who called, as the authorizer says; handed on by a home in the extensions of the request, or of the response where only
/// something inside the frame knows.
#[derive(Clone, Debug)]
pub struct Caller(pub String);

/// The customers that a call read or scored. A handler returns it beside its response.
#[derive(Clone, Debug)]
pub struct Usage {
    /// What was done, where the function's name does not say it.
    action: Option<&'static str>,
    customer_id: Option<String>,
    count: usize,
    risk_level: Option<Arc<str>>,
    model_version: Option<Arc<str>>,
    interaction: Option<Interaction>,
    posted: Option<Posted>,
}

/// The distribution of recently posted profiles, of so many that it describes none of them.
#[derive(Clone, Debug)]
pub struct Posted {
    /// How many fell into each bin of each feature.
    pub bins: BTreeMap<String, Vec<u64>>,
    /// The population stability index of each feature, or why there is none.
    pub psi: Result<BTreeMap<String, f64>, &'static str>,
    /// How the model is expected to perform on them, by the names of metrics.
    pub expected: Vec<(&'static str, f64)>,
}

impl Usage {
    /// One customer, or a profile of nobody in particular, was read.
    pub fn of_customer(customer_id: Option<&str>) -> Self {
        Self {
            customer_id: customer_id.map(str::to_owned),
            ..Self::of_many(1)
        }
    }

    /// So many customers were read or scored.
    pub fn of_many(count: usize) -> Self {
        Self {
            action: None,
            customer_id: None,
            count,
            risk_level: None,
            model_version: None,
            interaction: None,
            posted: None,
        }
    }

    /// Says what was done, where the function's name does not.
    #[must_use]
    pub fn doing(self, action: &'static str) -> Self {
        Self {
            action: Some(action),
            ..self
        }
    }

    /// A model gave a churn probability at this risk level.
    #[must_use]
    pub fn scored(self, risk_level: Arc<str>, model_version: Arc<str>) -> Self {
        Self {
            risk_level: Some(risk_level),
            model_version: Some(model_version),
            ..self
        }
    }

    /// A model scored all of them.
    #[must_use]
    pub fn scored_by(self, model_version: Arc<str>) -> Self {
        Self {
            model_version: Some(model_version),
            ..self
        }
    }

    /// A person did something with the customer's nudges or report.
    #[must_use]
    pub fn reporting(self, kind: &'static str, nudge_id: Option<String>) -> Self {
        Self {
            interaction: Some(Interaction { kind, nudge_id }),
            ..self
        }
    }

    /// With this request enough profiles were posted to describe them together. The profiles of one request must never be
    /// described by themselves: the bins of all features tell customers apart.
    #[must_use]
    pub fn posted(
        self,
        bins: BTreeMap<String, Vec<u64>>,
        psi: Result<BTreeMap<String, f64>, &'static str>,
        expected: Vec<(&'static str, f64)>,
    ) -> Self {
        Self {
            posted: Some(Posted {
                bins,
                psi,
                expected,
            }),
            ..self
        }
    }

    /// How many customers a model scored.
    pub fn scored_customers(&self) -> usize {
        self.model_version.as_ref().map_or(0, |_| self.count)
    }

    /// The risk level that a model gave, where it was about one customer.
    pub(crate) fn risk_level(&self) -> Option<&Arc<str>> {
        self.risk_level.as_ref()
    }

    /// The distribution of recently posted profiles, where this request completed it.
    pub fn posted_profiles(&self) -> Option<&Posted> {
        self.posted.as_ref()
    }

    /// The part of a response that carries it to the frame.
    pub fn noted(self) -> Extension<Self> {
        Extension(self)
    }
}

/// The call that a usage event is about.
pub(crate) struct Call<'c> {
    /// The function that was called.
    pub function: &'c Arc<str>,
    pub request_id: &'c str,
    pub caller: Option<Caller>,
    pub outcome: u16,
    pub latency: Duration,
    pub workspace_version: Option<&'c Arc<str>>,
}

/// The event that a call leaves: always when it read or scored customers, and when a function refused
/// or failed it.
pub(crate) fn event(call: Call<'_>, usage: Option<&Usage>) -> Option<Event> {
    let refused;
    let usage = match usage {
        Some(usage) => usage,
        None if REFUSED_BY_THE_HOME.contains(&call.outcome) => return None,
        None if call.outcome >= 400 => {
            refused = Usage::of_many(0);
            &refused
        }
        None => return None,
    };
    Some(Event {
        action: usage
            .action
            .map_or_else(|| Arc::clone(call.function), Arc::from),
        function: Arc::clone(call.function),
        customer_id: usage.customer_id.clone(),
        count: usage.count,
        outcome: call.outcome,
        risk_level: usage.risk_level.clone(),
        model_version: usage.model_version.clone(),
        workspace_version: call.workspace_version.map(Arc::clone),
        latency: call.latency,
        caller: call
            .caller
            .map_or(Cow::Borrowed("anonymous"), |caller| caller.0.into()),
        request_id: call.request_id.to_owned(),
        interaction: usage.interaction.clone(),
    })
}
