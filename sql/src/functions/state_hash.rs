//! `state_hash(json)`: the hash by which a producer names a state.

use std::fmt::Write;
use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{AsArray, StringViewBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    scalar_doc_sections::DOC_SECTION_HASHING,
};
use quipu_proto::state::{hash, parse};

/// The function.
pub(crate) fn udf() -> Arc<ScalarUDF> {
    static UDF: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(ScalarUDF::from(StateHash::new())));
    Arc::clone(&UDF)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct StateHash {
    signature: Signature,
}

impl StateHash {
    fn new() -> Self {
        Self {
            signature: Signature::exact(vec![DataType::Utf8View], Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for StateHash {
    fn name(&self) -> &str {
        "state_hash"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let Some(states) = arrays.first() else {
            return exec_err!("state_hash takes one argument, found none");
        };
        let states = cast(states, &DataType::Utf8View)?;
        let mut hashes = StringViewBuilder::new();
        let mut text = String::with_capacity(64);
        for state in states.as_string_view() {
            let Some(state) = state else {
                hashes.append_null();
                continue;
            };
            let state = match parse(state) {
                Ok(state) => state,
                Err(error) => return exec_err!("state_hash: the state is {error}"),
            };
            text.clear();
            for byte in hash(&state) {
                // Writing to a String cannot fail.
                let _ = write!(text, "{byte:02x}");
            }
            hashes.append_value(&text);
        }
        Ok(ColumnarValue::Array(Arc::new(hashes.finish())))
    }

    fn documentation(&self) -> Option<&Documentation> {
        static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
            Documentation::builder(
                DOC_SECTION_HASHING,
                "The SHA-256 of the canonical text of a JSON value, in hexadecimal: the hash that a StateDiff carries. \
                 The order of members does not matter. Null for null; a text that is not JSON is an error.",
                "state_hash(json)",
            )
            .with_argument("json", "A state as JSON text.")
            .with_sql_example("select state_hash('{\"b\": 2, \"a\": 1}')")
            .build()
        });
        Some(&DOCUMENTATION)
    }
}
