//! An Error as a document.

use super::names::Names;
use super::object::Object;
use crate::messages::ErrorView;
use crate::scratch::ComposedText;

pub(super) fn write(view: &ErrorView<'_>, names: Names, composed: ComposedText<'_>, out: &mut Vec<u8>) {
    let mut object = Object::open("Error", view.header.as_ref(), names, out);
    object.text("error_code", view.error_code);
    object.text("message", view.message);
    names.write_severity(object.key("severity"), view.severity);
    object.text_or_null("exception_type", view.exception_type);
    object.composed("context", view.context, composed);
    object.composed("suggestions", view.suggestions, composed);
    object.close();
}
