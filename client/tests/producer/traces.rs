//! Trace context of the span in which a message is sent.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};

use crate::support::{LONG, TOPIC, broker, event, producer_to, quick, stored_in};

fn context(trace_id: u128, state: TraceState) -> Context {
    Context::new().with_remote_span_context(SpanContext::new(
        TraceId::from(trace_id),
        SpanId::from(0x00f0_67aa_0ba9_02b7),
        TraceFlags::SAMPLED,
        true,
        state,
    ))
}

#[test]
fn headers_are_those_of_the_active_span_and_none_without_one() {
    let broker = broker(1);
    let producer = producer_to(&broker, quick());
    let send = || drop(producer.enqueue(event("t")).unwrap());
    send();
    let id = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;
    {
        let _active = context(id, TraceState::NONE).attach();
        send();
    }
    {
        let state = TraceState::from_key_value([("vendor", "x")]).unwrap();
        let _active = context(id, state).attach();
        send();
    }
    {
        let _active = context(0, TraceState::NONE).attach();
        send();
    }
    producer.close_blocking(LONG).unwrap();
    let headers: Vec<_> = stored_in(&broker, TOPIC)
        .into_iter()
        .map(|record| record.headers)
        .collect();
    let parent = (
        "traceparent".to_owned(),
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned(),
    );
    let state = ("tracestate".to_owned(), "vendor=x".to_owned());
    assert_eq!(
        headers,
        [vec![], vec![parent.clone()], vec![parent, state], vec![]]
    );
}
