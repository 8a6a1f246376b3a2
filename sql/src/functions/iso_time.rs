//! `iso_time(time)`: a point in time as text, as `parse_events` writes it.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{AsArray, StringViewArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, TimestampMicrosecondType};
use datafusion::arrow::temporal_conversions::timestamp_us_to_datetime;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    scalar_doc_sections::DOC_SECTION_DATETIME,
};

use super::time_type;

/// The function.
pub(crate) fn udf() -> Arc<ScalarUDF> {
    static UDF: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(ScalarUDF::from(IsoTime::new())));
    Arc::clone(&UDF)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct IsoTime {
    signature: Signature,
}

impl IsoTime {
    fn new() -> Self {
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for IsoTime {
    fn name(&self) -> &str {
        "iso_time"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        match given {
            [_] => Ok(vec![time_type()]),
            _ => plan_err!(
                "iso_time takes one argument, found {}: iso_time(time)",
                given.len()
            ),
        }
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let Some(times) = arrays.first() else {
            return datafusion::common::exec_err!("iso_time takes one argument, found none");
        };
        let times = cast(times, &time_type())?;
        let times = times.as_primitive::<TimestampMicrosecondType>();
        let texts: StringViewArray = times.iter().map(|time| time.and_then(text)).collect();
        Ok(ColumnarValue::Array(Arc::new(texts)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
            Documentation::builder(
                DOC_SECTION_DATETIME,
                "The text of a time in RFC 3339, UTC, with no, three or six digits of a second, as few as hold it. Null \
                 for times more than some 262,000 years away.",
                "iso_time(time)",
            )
            .with_argument("time", "A time, such as column time.")
            .with_sql_example("select iso_time(timestamp '2024-12-01T00:00:00.250Z')")
            .build()
        });
        Some(&DOCUMENTATION)
    }
}

/// The text of a time in microseconds since the Unix epoch; none for times that are too far away.
pub(crate) fn text(micros: i64) -> Option<String> {
    timestamp_us_to_datetime(micros).map(|time| time.format("%Y-%m-%dT%H:%M:%S%.f+00:00").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_few_digits_as_hold_the_time() {
        assert_eq!(text(0).as_deref(), Some("1970-01-01T00:00:00+00:00"));
        assert_eq!(
            text(1_699_564_800_250_000).as_deref(),
            Some("2023-11-09T21:20:00.250+00:00")
        );
        assert_eq!(text(-1).as_deref(), Some("1969-12-31T23:59:59.999999+00:00"));
        assert_eq!(text(i64::MAX), None);
    }
}
