//! The fault script: which requests go wrong, and how.
//!
//! A [`FaultScript`] is a list of [`FaultRule`]s. For each request the rules are asked in order; the first
//! that matches and is due decides, and the rules after it do not see that request. Each rule counts the
//! requests it matched: it lets [`skip`](FaultRule::skip) of them pass, then fires
//! [`times`](FaultRule::times) times, then is spent. So two rules with the same conditions fire one after the
//! other.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::ApiKey;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The connection is closed.
    DropConnection(DropPoint),
    /// The request is handled only after this time. Other connections are served meanwhile.
    Delay(Duration),
    /// The matching partitions (or topics, or the whole response where it has neither) answer this error, and
    /// nothing is done for them. ApiVersions, which has no such place in all its versions, answers it at its
    /// top.
    Error(ResponseError),
    /// The connection stays open, and nothing more comes over it.
    Hang(HangPoint),
    /// In the record batches that a Fetch answers for the matching partitions, this bit is turned over, counted from
    /// the first byte of the first batch and around its end. The log stays as it is.
    FlipBit(u64),
    /// Of the record batches that a Fetch answers for each matching partition, only so many bytes are sent. The log
    /// stays as it is.
    CutShort(usize),
}

/// When a connection falls silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HangPoint {
    /// Before the request is handled: a produced batch is not stored.
    BeforeHandling,
    /// After half of the bytes of the response.
    MidResponse,
}

/// When a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropPoint {
    /// Before the request is handled: a produced batch is not stored.
    BeforeHandling,
    /// After it is handled, without a byte of the response: a produced batch is stored, and its producer
    /// cannot know.
    BeforeResponse,
    /// After half of the bytes of the response.
    MidResponse,
}

/// When something goes wrong, and what. Built from [`FaultRule::new`], which matches every request once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultRule {
    fault: Fault,
    api: Option<ApiKey>,
    node: Option<i32>,
    topic: Option<String>,
    partition: Option<i32>,
    offset_from: Option<i64>,
    skip: u32,
    times: u32,
}

impl FaultRule {
    /// This fault for the next request, whatever it is.
    pub fn new(fault: Fault) -> Self {
        Self {
            fault,
            api: None,
            node: None,
            topic: None,
            partition: None,
            offset_from: None,
            skip: 0,
            times: 1,
        }
    }

    /// Only requests of this kind.
    pub fn api(self, api: ApiKey) -> Self {
        Self {
            api: Some(api),
            ..self
        }
    }

    /// Only requests to this node.
    pub fn node(self, node: i32) -> Self {
        Self {
            node: Some(node),
            ..self
        }
    }

    /// Only requests that name this topic.
    pub fn topic(self, topic: impl Into<String>) -> Self {
        Self {
            topic: Some(topic.into()),
            ..self
        }
    }

    /// Only requests that name this partition of the topic, or of any topic if none is given.
    pub fn partition(self, partition: i32) -> Self {
        Self {
            partition: Some(partition),
            ..self
        }
    }

    /// Only once a partition has got so far: a Fetch from this offset or a later one, a Produce to a log that
    /// ends there or later. Requests without offsets do not match.
    pub fn offset_from(self, offset: i64) -> Self {
        Self {
            offset_from: Some(offset),
            ..self
        }
    }

    /// Lets this many matching requests pass first. Default 0.
    pub fn skip(self, requests: u32) -> Self {
        Self {
            skip: requests,
            ..self
        }
    }

    /// Fires for this many matching requests. Default 1.
    pub fn times(self, requests: u32) -> Self {
        Self {
            times: requests,
            ..self
        }
    }

    /// Fires for every matching request from then on.
    pub fn always(self) -> Self {
        self.times(u32::MAX)
    }

    fn names_a_place(&self) -> bool {
        self.topic.is_some() || self.partition.is_some() || self.offset_from.is_some()
    }

    fn matches_place(&self, place: &Place) -> bool {
        self.topic.as_ref().is_none_or(|topic| *topic == place.topic)
            && self
                .partition
                .is_none_or(|partition| place.partition == Some(partition))
            && self
                .offset_from
                .is_none_or(|from| place.offset.is_some_and(|offset| offset >= from))
    }
}

/// Rules in order, and how far each has got.
#[derive(Debug, Clone, Default)]
pub struct FaultScript {
    rules: Vec<(FaultRule, u32)>,
    fired: Vec<FiredFault>,
}

impl FaultScript {
    /// A script of these rules.
    pub fn new(rules: impl IntoIterator<Item = FaultRule>) -> Self {
        Self {
            rules: rules.into_iter().map(|rule| (rule, 0)).collect(),
            fired: Vec::new(),
        }
    }

    /// Adds a rule behind the others.
    pub fn push(&mut self, rule: FaultRule) {
        self.rules.push((rule, 0));
    }

    /// What has fired so far, in order.
    pub fn fired(&self) -> &[FiredFault] {
        &self.fired
    }

    /// Decides about a request to a node that names these places.
    pub(crate) fn decide(&mut self, api: ApiKey, node: i32, places: &[Place]) -> Option<DueFault> {
        for (index, (rule, seen)) in self.rules.iter_mut().enumerate() {
            if rule.api.is_some_and(|wanted| wanted != api) || rule.node.is_some_and(|wanted| wanted != node)
            {
                continue;
            }
            let hit: Vec<Place> = places
                .iter()
                .filter(|place| rule.matches_place(place))
                .cloned()
                .collect();
            if rule.names_a_place() && hit.is_empty() {
                continue;
            }
            let turn = *seen;
            *seen = seen.saturating_add(1);
            if turn < rule.skip || turn - rule.skip >= rule.times {
                continue;
            }
            self.fired.push(FiredFault {
                rule: index,
                api,
                fault: rule.fault,
            });
            return Some(DueFault {
                fault: rule.fault,
                places: hit,
                everywhere: !rule.names_a_place(),
            });
        }
        None
    }
}

/// A fault that was played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FiredFault {
    /// Position of its rule in the script, from 0.
    pub rule: usize,
    /// The kind of request it met.
    pub api: ApiKey,
    /// What was done.
    pub fault: Fault,
}

/// A topic or partition that a request names, with its offset where it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) topic: String,
    pub(crate) partition: Option<i32>,
    pub(crate) offset: Option<i64>,
}

/// The fault of one request.
#[derive(Debug, Clone)]
pub(crate) struct DueFault {
    pub(crate) fault: Fault,
    places: Vec<Place>,
    everywhere: bool,
}

impl DueFault {
    /// The error to answer for the response as a whole.
    pub(crate) fn error(&self) -> Option<ResponseError> {
        match self.fault {
            Fault::Error(error) => Some(error),
            _ => None,
        }
    }

    /// The record batches of one partition, damaged as they should be.
    pub(crate) fn damaged(&self, topic: &str, partition: i32, records: Bytes) -> Bytes {
        if !self.is_at(topic, Some(partition)) {
            return records;
        }
        match self.fault {
            Fault::FlipBit(bit) if !records.is_empty() => {
                let mut damaged = records.to_vec();
                let bit = bit % (8 * damaged.len() as u64);
                if let Some(byte) = damaged.get_mut((bit / 8) as usize) {
                    *byte ^= 1 << (bit % 8);
                }
                damaged.into()
            }
            Fault::CutShort(bytes) => records.slice(..bytes.min(records.len())),
            _ => records,
        }
    }

    fn is_at(&self, topic: &str, partition: Option<i32>) -> bool {
        let here = |place: &Place| place.topic == topic && place.partition == partition;
        self.everywhere || self.places.iter().any(here)
    }

    /// The error to answer for one topic (without partition) or partition.
    pub(crate) fn error_at(&self, topic: &str, partition: Option<i32>) -> Option<ResponseError> {
        self.error().filter(|_| self.is_at(topic, partition))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(topic: &str, partition: i32, offset: i64) -> Place {
        Place {
            topic: topic.to_owned(),
            partition: Some(partition),
            offset: Some(offset),
        }
    }

    fn error(code: ResponseError) -> FaultRule {
        FaultRule::new(Fault::Error(code))
    }

    #[test]
    fn rules_with_equal_conditions_fire_one_after_the_other() {
        let mut script = FaultScript::new([
            error(ResponseError::OffsetOutOfRange),
            error(ResponseError::CorruptMessage),
        ]);
        let codes: Vec<_> = (0..3)
            .map(|_| script.decide(ApiKey::Fetch, 1, &[]).and_then(|due| due.error()))
            .collect();
        assert_eq!(
            codes,
            [
                Some(ResponseError::OffsetOutOfRange),
                Some(ResponseError::CorruptMessage),
                None
            ]
        );
        assert_eq!(
            script.fired().iter().map(|fired| fired.rule).collect::<Vec<_>>(),
            [0, 1]
        );
    }

    #[test]
    fn a_rule_skips_then_fires_so_many_times() {
        let mut script = FaultScript::new([error(ResponseError::CorruptMessage)
            .api(ApiKey::Fetch)
            .skip(2)
            .times(2)]);
        let fires = |script: &mut FaultScript, api| script.decide(api, 1, &[]).is_some();
        assert!(
            !fires(&mut script, ApiKey::Produce),
            "another kind of request neither fires nor counts"
        );
        let fired: Vec<_> = (0..6).map(|_| fires(&mut script, ApiKey::Fetch)).collect();
        assert_eq!(fired, [false, false, true, true, false, false]);
    }

    #[test]
    fn all_conditions_hold_for_one_and_the_same_partition() {
        let mut script = FaultScript::new([error(ResponseError::CorruptMessage)
            .topic("a")
            .partition(1)
            .offset_from(10)]);
        let apart = [at("a", 1, 9), at("a", 2, 10), at("b", 1, 10)];
        assert!(script.decide(ApiKey::Fetch, 1, &apart).is_none());
        let due = script
            .decide(ApiKey::Fetch, 1, &[at("a", 1, 10), at("a", 2, 10)])
            .unwrap();
        assert_eq!(due.error_at("a", Some(1)), Some(ResponseError::CorruptMessage));
        assert_eq!(
            due.error_at("a", Some(2)),
            None,
            "a partition that does not match is served"
        );
    }
}
