//! W3C trace context of the span in which a message is sent, as headers of its record.

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt as _;

/// The headers of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TraceHeaders {
    traceparent: Option<String>,
    tracestate: Option<String>,
}

impl TraceHeaders {
    /// Those of the OpenTelemetry context of this thread; none where no valid span is active.
    pub(super) fn current() -> Self {
        Context::map_current(|context| {
            if !context.has_active_span() {
                return Self::default();
            }
            let span = context.span();
            let span = span.span_context();
            if !span.is_valid() {
                return Self::default();
            }
            let state = span.trace_state().header();
            Self {
                traceparent: Some(format!(
                    "00-{}-{}-{:02x}",
                    span.trace_id(),
                    span.span_id(),
                    span.trace_flags().to_u8()
                )),
                tracestate: Some(state).filter(|state| !state.is_empty()),
            }
        })
    }

    /// The headers in order.
    pub(super) fn headers(&self) -> ([(&str, &[u8]); 2], usize) {
        let mut headers: [(&str, &[u8]); 2] = [("traceparent", &[]), ("tracestate", &[])];
        let mut count = 0;
        for (header, value) in headers.iter_mut().zip([&self.traceparent, &self.tracestate]) {
            let Some(value) = value else { break };
            header.1 = value.as_bytes();
            count += 1;
        }
        (headers, count)
    }
}
