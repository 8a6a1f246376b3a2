//! `uuid_text(bytes)`: an id as it is shown everywhere.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{AsArray, StringViewArray, StringViewBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    scalar_doc_sections::DOC_SECTION_STRING,
};

/// The function.
pub(crate) fn udf() -> Arc<ScalarUDF> {
    static UDF: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(ScalarUDF::from(UuidText::new())));
    Arc::clone(&UDF)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct UuidText {
    signature: Signature,
}

impl UuidText {
    fn new() -> Self {
        Self {
            signature: Signature::exact(vec![DataType::BinaryView], Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for UuidText {
    fn name(&self) -> &str {
        "uuid_text"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let Some(ids) = arrays.first() else {
            return datafusion::common::exec_err!("uuid_text takes one argument, found none");
        };
        let ids = cast(ids, &DataType::BinaryView)?;
        Ok(ColumnarValue::Array(Arc::new(texts(ids.as_binary_view().iter()))))
    }

    fn documentation(&self) -> Option<&Documentation> {
        static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
            Documentation::builder(
                DOC_SECTION_STRING,
                "The text of an id: a hyphenated UUID when it is 16 bytes long, else hexadecimal.",
                "uuid_text(bytes)",
            )
            .with_argument("bytes", "An id, such as message_id.")
            .with_sql_example("select uuid_text(message_id) from events limit 1")
            .build()
        });
        Some(&DOCUMENTATION)
    }
}

fn texts<'a>(ids: impl Iterator<Item = Option<&'a [u8]>>) -> StringViewArray {
    let mut texts = StringViewBuilder::new();
    let mut text = String::with_capacity(36);
    for id in ids {
        texts.append_option(id.map(|id| {
            text.clear();
            write_id(&mut text, id);
            text.as_str()
        }));
    }
    texts.finish()
}

/// The text of an id as people write it: a hyphenated UUID when it is 16 bytes long, else hexadecimal.
#[must_use]
pub fn id_text(id: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    write_id(&mut text, id);
    text
}

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";

fn write_id(text: &mut String, id: &[u8]) {
    for (at, byte) in id.iter().enumerate() {
        if id.len() == 16 && matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for digit in [byte >> 4, byte & 0xf] {
            text.push(char::from(HEX_DIGITS[usize::from(digit)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bytes_are_a_uuid_and_others_hexadecimal() {
        let id: Vec<u8> = (0..16).collect();
        let texts = texts([Some(&id[..]), Some(&[0xab, 0x01]), Some(&[]), None].into_iter());
        let texts: Vec<_> = texts.iter().collect();
        assert_eq!(
            texts,
            [
                Some("00010203-0405-0607-0809-0a0b0c0d0e0f"),
                Some("ab01"),
                Some(""),
                None
            ]
        );
    }
}
