//! `json_patch(doc, ops)`: a JSON value after the operations of a diff.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{AsArray, StringViewBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    scalar_doc_sections::DOC_SECTION_STRING,
};
use quipu_proto::state::{apply, canonical, parse, parse_patch};

/// The function.
pub(crate) fn udf() -> Arc<ScalarUDF> {
    static UDF: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(ScalarUDF::from(JsonPatch::new())));
    Arc::clone(&UDF)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct JsonPatch {
    signature: Signature,
}

impl JsonPatch {
    fn new() -> Self {
        Self {
            signature: Signature::exact(
                vec![DataType::Utf8View, DataType::Utf8View],
                Volatility::Immutable,
            ),
        }
    }
}

impl ScalarUDFImpl for JsonPatch {
    fn name(&self) -> &str {
        "json_patch"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [docs, patches] = &arrays[..] else {
            return exec_err!("json_patch takes two arguments, found {}", arrays.len());
        };
        let docs = cast(docs, &DataType::Utf8View)?;
        let patches = cast(patches, &DataType::Utf8View)?;
        let mut patched = StringViewBuilder::new();
        for (doc, patch) in docs.as_string_view().iter().zip(patches.as_string_view()) {
            match (doc, patch) {
                (Some(doc), Some(patch)) => match patch_text(doc, patch) {
                    Ok(text) => patched.append_value(text),
                    Err(error) => return exec_err!("json_patch: {error}"),
                },
                _ => patched.append_null(),
            }
        }
        Ok(ColumnarValue::Array(Arc::new(patched.finish())))
    }

    fn documentation(&self) -> Option<&Documentation> {
        static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
            Documentation::builder(
                DOC_SECTION_STRING,
                "A JSON value after the operations of a JSON Patch (RFC 6902), such as those of column operations; \
                 members are sorted. Null if either is null. A patch of which an operation cannot be applied is an \
                 error that names the operation.",
                "json_patch(doc, ops)",
            )
            .with_argument("doc", "A JSON value as text.")
            .with_argument("ops", "A JSON array of operations as text.")
            .with_sql_example(
                "select json_patch('{\"n\": 1}', '[{\"op\": \"replace\", \"path\": \"/n\", \"value\": 2}]')",
            )
            .build()
        });
        Some(&DOCUMENTATION)
    }
}

fn patch_text(doc: &str, patch: &str) -> Result<String, String> {
    let doc = parse(doc).map_err(|error| format!("the document is {error}"))?;
    let operations = parse_patch(patch).map_err(|error| error.to_string())?;
    let patched = apply(&doc, &operations).map_err(|error| error.to_string())?;
    Ok(canonical(&patched))
}
